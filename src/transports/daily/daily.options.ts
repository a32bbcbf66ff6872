import { Matches } from 'class-validator';
import {
  Accepts,
  IsFlag,
  IsText,
  Milliseconds,
  ValidatedBy,
  WholeNumber,
} from '../../validation/option.decorators.js';
import { Nested } from '../../validation/field-traits.js';
import { resolveOptions, type WithDefaults } from '../../validation/options.js';
import { DailyMeetingTokenProperties } from './dto/daily-meeting-token-properties.dto.js';
import { DailyRoomProperties } from './dto/daily-room-properties.dto.js';

const HTTP_URL = 'must be an http(s):// URL';

const isHttpUrl = (value: unknown): value is string =>
  typeof value === 'string' && /^https?:\/\/[^\s?#]+$/i.test(value) && URL.canParse(value);

/** Options of {@link DailyModule}. */
export class DailyOptions {
  /** API key of the Daily domain (`DAILY_API_KEY`). Unset, the transport is disabled. */
  @IsText()
  apiKey?: string;
  /**
   * Base URL of the Daily API (`DAILY_API_URL`).
   * @default 'https://api.daily.co/v1'
   */
  @Accepts(HTTP_URL, isHttpUrl)
  apiUrl?: string = 'https://api.daily.co/v1';
  /** Room shared by all sessions without a phone (`DAILY_ROOM_URL`). Unset, each session gets a new room. */
  @ValidatedBy((value) =>
    !isHttpUrl(value)
      ? HTTP_URL
      : roomNameOf(value)
        ? undefined
        : 'must name a room: https://domain.daily.co/room',
  )
  roomUrl?: string;
  /**
   * Deletes a session's room when the session ends. The room of a failed start, or of a bot that failed before it was
   * ready, is always deleted.
   * @default false: it expires
   */
  @IsFlag()
  deleteRoomOnEnd?: boolean = false;
  /**
   * Properties of every new room, such as `{ enable_dialout: false, max_participants: 2 }`. They override those of a client's `/start`.
   * @default {}
   */
  @Nested(() => DailyRoomProperties)
  roomProperties?: DailyRoomProperties = {};
  /**
   * Properties of every meeting token, such as `{ is_owner: false }`. They override those of a client's `/start`.
   * @default {}
   */
  @Nested(() => DailyMeetingTokenProperties)
  tokenProperties?: DailyMeetingTokenProperties = {};
  /**
   * Lifetime of a new room, in milliseconds. A client may ask for a shorter one (`exp`), not for a longer one.
   * @default 14_400_000 (4 h)
   */
  @Milliseconds(1)
  roomTtlMs?: number = 14_400_000;
  /**
   * Lifetime of a meeting token, in milliseconds. A client may ask for a shorter one (`exp`), not for a longer one.
   * @default 7_200_000 (2 h)
   */
  @Milliseconds(1)
  tokenTtlMs?: number = 7_200_000;
  /**
   * Timeout of a request to Daily including its retries, in milliseconds. A start sends two requests.
   * @default 10_000
   */
  @Milliseconds(1)
  timeoutMs?: number = 10_000;
  /** Base64 secret (`hmac`) of the dial-in webhook. When set, unsigned webhooks are refused. */
  @Matches(/^[A-Za-z0-9+/]{8,}={0,2}$/, {
    message: '$property must be the base64 text that Daily calls hmac',
  })
  dialinSecret?: string;
  /**
   * Number of rooms with a SIP address that are created ahead, so that a phone call does not wait for Daily.
   * @default 0
   */
  @WholeNumber(0, { max: 100 })
  warmRooms?: number = 0;
  /**
   * Longest age of a warm room before it is replaced, in milliseconds; less than `tokenTtlMs` and `roomTtlMs`.
   * @default 1_800_000 (30 min)
   */
  @Milliseconds(1)
  @ValidatedBy((value, { tokenTtlMs, roomTtlMs }: ResolvedDailyOptions) =>
    Number(value) < Math.min(tokenTtlMs, roomTtlMs)
      ? undefined
      : 'must be less than tokenTtlMs and roomTtlMs, or a call could get an expired room',
  )
  warmRoomTtlMs?: number = 1_800_000;
}

/** {@link DailyOptions} with their defaults. */
export type ResolvedDailyOptions = WithDefaults<
  DailyOptions,
  'apiKey' | 'roomUrl' | 'dialinSecret'
>;

/** DI token of the {@link ResolvedDailyOptions}. */
export const DAILY_OPTIONS = Symbol('DAILY_OPTIONS');

/**
 * Fills in the defaults.
 * @throws {InvalidOptionsError}
 */
export function resolveDailyOptions(given: DailyOptions): ResolvedDailyOptions {
  const options: ResolvedDailyOptions = resolveOptions('DailyModule', new DailyOptions(), given, [
    'dialin',
  ]);
  return { ...options, apiUrl: options.apiUrl.replace(/\/+$/, '') };
}

/** Returns the room name in a room URL. */
export function roomNameOf(roomUrl: string): string {
  return new URL(roomUrl).pathname.split('/').filter(Boolean).at(-1) ?? '';
}
