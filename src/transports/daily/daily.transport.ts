import { Inject, Injectable } from '@nestjs/common';
import type { Principal } from '../../auth/runner-auth.js';
import { RunnerArguments } from '../../bot/runner-arguments.js';
import { SessionRegistry } from '../../sessions/session-registry.js';
import type { Session } from '../../sessions/session.js';
import { validateInto } from '../../validation/validate-into.js';
import { type BrowserSources, RunnerTransport, type StartContext } from '../runner-transport.js';
import { TransportRegistry } from '../transport-registry.js';
import { type DailyMeeting, DailyRooms } from './daily-rooms.js';
import { DAILY_OPTIONS, type ResolvedDailyOptions, roomNameOf } from './daily.options.js';
import { DailyMeetingTokenProperties } from './dto/daily-meeting-token-properties.dto.js';
import { DailyRoomProperties } from './dto/daily-room-properties.dto.js';
import { DailyRunnerArguments } from './dto/daily-runner-arguments.dto.js';

/** Sources of Daily's client: https://docs.daily.co/guides/privacy-and-security/content-security-policy, with `avoidEval`. */
const BROWSER_SOURCES: BrowserSources = {
  'script-src': ['https://c.daily.co', 'blob:'],
  'connect-src': ['https://*.daily.co', 'wss://*.wss.daily.co', 'https://*.pluot.blue'],
  'worker-src': ['blob:'],
};

/** Daily rooms for `/start` and `GET /daily`. */
@Injectable()
export class DailyTransport extends RunnerTransport {
  readonly names = ['daily'];

  constructor(
    @Inject(DAILY_OPTIONS) private readonly options: ResolvedDailyOptions,
    private readonly rooms: DailyRooms,
    private readonly sessions: SessionRegistry,
    registry: TransportRegistry,
  ) {
    super();
    registry.register(this);
  }

  override get kind() {
    return 'room' as const;
  }

  override get disabledReason(): string | undefined {
    return this.options.apiKey === undefined
      ? 'no API key: set DAILY_API_KEY, or DailyModule.forRoot({ apiKey })'
      : undefined;
  }

  override get browserSources(): BrowserSources {
    return BROWSER_SOURCES;
  }

  async start({ session, request }: StartContext): Promise<Record<string, unknown>> {
    const room = validated(DailyRoomProperties, request, 'dailyRoomProperties');
    const token = validated(DailyMeetingTokenProperties, request, 'dailyMeetingTokenProperties');
    if (!request.createDailyRoom && this.options.roomUrl === undefined) {
      this.sessions.launch(session, new RunnerArguments());
      return {};
    }
    return this.launch(session, await this.rooms.meet(session, room, token));
  }

  override takeOver(session: Session, args: RunnerArguments) {
    const { roomUrl } = this.options;
    if (args instanceof DailyRunnerArguments && args.room_url !== roomUrl) {
      this.rooms.hold(session, roomNameOf(args.room_url));
    }
    return {};
  }

  /** Starts a session in a room with default properties. */
  async startPlain(
    principal?: Principal,
  ): Promise<{ readonly session: Session; readonly roomUrl: string }> {
    return this.sessions.start({ transport: 'daily', kind: 'room', principal }, async (session) => {
      const { dailyRoom } = this.launch(session, await this.rooms.meet(session));
      return { session, roomUrl: dailyRoom };
    });
  }

  /** Launches the bot with the meeting. */
  launch(
    session: Session,
    { roomUrl, token }: DailyMeeting,
    more: Partial<DailyRunnerArguments> = {},
  ): { dailyRoom: string; dailyToken: string } {
    this.sessions.launch(session, new DailyRunnerArguments({ ...more, room_url: roomUrl, token }));
    return { dailyRoom: roomUrl, dailyToken: token };
  }
}

function validated<T extends object, K extends keyof StartContext['request']>(
  cls: new () => T,
  request: StartContext['request'],
  field: K,
): T | undefined {
  const value = request[field];
  return value === undefined ? undefined : validateInto(cls, value, field);
}
