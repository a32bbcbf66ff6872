import { randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { isInstance } from '../../errors/thrown.js';
import { ProviderError } from '../../http/provider-error.js';
import { removeRoomOnEnd } from '../../sessions/remove-room-on-end.js';
import type { Session } from '../../sessions/session.js';
import { InvalidFieldsError } from '../../validation/invalid-fields.error.js';
import { DailyClient } from './daily-client.js';
import { DAILY_OPTIONS, type ResolvedDailyOptions, roomNameOf } from './daily.options.js';
import type { DailyMeetingTokenProperties } from './dto/daily-meeting-token-properties.dto.js';
import type { DailyRoomProperties } from './dto/daily-room-properties.dto.js';

/** A room, and a token to join it with. */
export interface DailyMeeting {
  readonly roomName: string;
  readonly roomUrl: string;
  readonly token: string;
}

/** Makes rooms and tokens with the runner's defaults, and removes what no session needs. */
@Injectable()
export class DailyRooms {
  constructor(
    @Inject(DAILY_OPTIONS) private readonly options: ResolvedDailyOptions,
    private readonly client: DailyClient,
  ) {}

  /** A meeting for a session: in the configured room, unless a phone is involved, or else in a new one that the session holds. */
  async meet(
    session: Session,
    roomProperties: DailyRoomProperties = {},
    tokenProperties: DailyMeetingTokenProperties = {},
  ): Promise<DailyMeeting> {
    const { roomUrl } = this.options;
    if (roomUrl !== undefined && !needsPhone(roomProperties)) {
      const roomName = roomNameOf(roomUrl);
      return { roomName, roomUrl, token: await this.token(roomName, tokenProperties) };
    }
    const roomName = newRoomName(roomProperties);
    refuseOtherRoom(roomName, tokenProperties);
    try {
      const { url } = await this.create(roomName, roomProperties);
      this.hold(session, roomName);
      return { roomName, roomUrl: url, token: await this.token(roomName, tokenProperties) };
    } catch (error) {
      // Nobody knows whether there is a room now, so it is looked after as if there were.
      if (isInstance(error, ProviderError) && error.outcomeUnknown) this.hold(session, roomName);
      throw error;
    }
  }

  /** A meeting for a phone call, not bound to a session yet. */
  async meetPhone(displayName: string): Promise<DailyMeeting> {
    const properties: DailyRoomProperties = {
      sip: { display_name: displayName, video: false, sip_mode: 'dial-in', num_endpoints: 1 },
      start_video_off: true,
    };
    const roomName = newRoomName(properties);
    let mayExist = false;
    try {
      const { url } = await this.create(roomName, properties);
      mayExist = true;
      return { roomName, roomUrl: url, token: await this.token(roomName) };
    } catch (error) {
      mayExist ||= isInstance(error, ProviderError) && error.outcomeUnknown;
      // Nobody waits for it: the caller is on hold.
      if (mayExist) void this.remove(roomName).catch(() => undefined);
      throw error;
    }
  }

  /** Binds a room to a session, which takes care of its end. */
  hold(session: Session, roomName: string): void {
    removeRoomOnEnd(session, this.options.deleteRoomOnEnd, () => this.remove(roomName));
  }

  /** Removes a room and everyone in it. */
  async remove(roomName: string): Promise<void> {
    await this.client.deleteRoom(roomName);
  }

  private create(roomName: string, properties: DailyRoomProperties) {
    return this.client.createRoom(roomName, {
      eject_at_room_exp: true,
      ...properties,
      ...wholeSeconds({ exp: fromNow(this.options.roomTtlMs), ...properties }),
    });
  }

  private token(roomName: string, properties: DailyMeetingTokenProperties = {}): Promise<string> {
    refuseOtherRoom(roomName, properties);
    return this.client.createMeetingToken({
      is_owner: true,
      ...properties,
      ...wholeSeconds({ exp: fromNow(this.options.tokenTtlMs), ...properties }),
      room_name: roomName,
    });
  }
}

/** `pipecat-<8 hex>`, or `pipecat-telephony-<8 hex>` where a phone is involved, as Pipecat names them. */
function newRoomName(properties: DailyRoomProperties): string {
  const prefix = needsPhone(properties) ? 'pipecat-telephony' : 'pipecat';
  return `${prefix}-${randomBytes(4).toString('hex')}`;
}

const needsPhone = ({ sip, enable_dialout }: DailyRoomProperties): boolean =>
  sip !== undefined || enable_dialout === true;

const fromNow = (ms: number): number => Math.floor((Date.now() + ms) / 1_000);

/** Daily wants whole seconds; Pipecat's clients also send fractions. */
function wholeSeconds({ exp, nbf }: { exp: number; nbf?: number }): { exp: number; nbf?: number } {
  return { exp: Math.floor(exp), ...(nbf !== undefined && { nbf: Math.floor(nbf) }) };
}

/** A client must not get a token for a room that is not its own. */
function refuseOtherRoom(roomName: string, { room_name }: DailyMeetingTokenProperties): void {
  if (room_name === undefined || room_name === roomName) return;
  const field = 'dailyMeetingTokenProperties.room_name';
  throw new InvalidFieldsError([{ field, message: 'must be left out: the runner names the room' }]);
}
