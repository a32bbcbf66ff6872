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

/** A room and a meeting token for it. */
export interface DailyMeeting {
  readonly roomName: string;
  readonly roomUrl: string;
  readonly token: string;
}

/** Display name of callers who withhold their number, or are not known yet. */
const UNKNOWN_CALLER = 'Phone';

/** Properties of a new room beside Daily's own defaults, as Pipecat creates it. */
const ROOM_DEFAULTS: DailyRoomProperties = {
  enable_chat: false,
  enable_emoji_reactions: false,
  enable_prejoin_ui: false,
  eject_at_room_exp: true,
};

/** Creates rooms and tokens with the runner's defaults, and removes rooms that no session needs. */
@Injectable()
export class DailyRooms {
  constructor(
    @Inject(DAILY_OPTIONS) private readonly options: ResolvedDailyOptions,
    private readonly client: DailyClient,
  ) {}

  /** Creates a meeting for a session: in the configured room, or in a new one bound to the session. Phone sessions always get a new one. */
  async meet(
    session: Session,
    clientProperties: DailyRoomProperties = {},
    tokenProperties: DailyMeetingTokenProperties = {},
  ): Promise<DailyMeeting> {
    const { roomUrl } = this.options;
    const roomProperties = { ...clientProperties, ...this.options.roomProperties };
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
      // The outcome is unknown, so the room is cleaned up as if it existed.
      if (isInstance(error, ProviderError) && error.outcomeUnknown) this.hold(session, roomName);
      throw error;
    }
  }

  /** Creates a meeting for a phone call, not bound to a session yet. */
  async meetPhone(displayName = UNKNOWN_CALLER): Promise<DailyMeeting> {
    const properties: DailyRoomProperties = {
      ...this.options.roomProperties,
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
      // Not awaited: the caller is on hold.
      if (mayExist) void this.remove(roomName).catch(() => undefined);
      throw error;
    }
  }

  /** Binds a room to a session, whose end cleans it up. */
  hold(session: Session, roomName: string): void {
    removeRoomOnEnd(session, this.options.deleteRoomOnEnd, () => this.remove(roomName));
  }

  /** Deletes a room and removes its participants. */
  async remove(roomName: string): Promise<void> {
    await this.client.deleteRoom(roomName);
  }

  private create(roomName: string, properties: DailyRoomProperties) {
    return this.client.createRoom(roomName, {
      ...ROOM_DEFAULTS,
      ...properties,
      ...times(this.options.roomTtlMs, properties),
    });
  }

  private token(roomName: string, properties: DailyMeetingTokenProperties = {}): Promise<string> {
    refuseOtherRoom(roomName, properties);
    const granted = { is_owner: true, ...properties, ...this.options.tokenProperties };
    return this.client.createMeetingToken({
      ...granted,
      ...times(this.options.tokenTtlMs, granted),
      room_name: roomName,
    });
  }
}

/** Returns `pipecat-<8 hex>`, or `pipecat-telephony-<8 hex>` for phone sessions, as Pipecat names them. */
function newRoomName(properties: DailyRoomProperties): string {
  const prefix = needsPhone(properties) ? 'pipecat-telephony' : 'pipecat';
  return `${prefix}-${randomBytes(4).toString('hex')}`;
}

const needsPhone = ({ sip, enable_dialout }: DailyRoomProperties): boolean =>
  sip !== undefined || enable_dialout === true;

/** Returns the times in whole seconds, as Daily requires; Pipecat's clients also send fractions. `exp` is at most the lifetime from now. */
function times(ttlMs: number, { exp = Infinity, nbf }: Times): Times {
  const latest = (Date.now() + ttlMs) / 1_000;
  return {
    exp: Math.floor(Math.min(exp, latest)),
    ...(nbf !== undefined && { nbf: Math.floor(nbf) }),
  };
}

type Times = Pick<DailyRoomProperties, 'exp' | 'nbf'>;

/** Refuses a token for another room than the client's own. */
function refuseOtherRoom(roomName: string, { room_name }: DailyMeetingTokenProperties): void {
  if (room_name === undefined || room_name === roomName) return;
  const field = 'dailyMeetingTokenProperties.room_name';
  throw new InvalidFieldsError([{ field, message: 'must be left out: the runner names the room' }]);
}
