import {
  checkOptions,
  InvalidOptionsError,
  milliseconds,
  text,
  trueOrFalse,
  withoutUndefined,
} from '../../validation/options.js';

/** Options of {@link DailyModule}. */
export interface DailyOptions {
  /** API key of the Daily domain (`DAILY_API_KEY`). Unset, the transport is disabled. */
  apiKey?: string;
  /**
   * Base URL of the Daily API (`DAILY_API_URL`).
   * @default 'https://api.daily.co/v1'
   */
  apiUrl?: string;
  /** Room shared by all sessions without a phone (`DAILY_ROOM_URL`). Unset, each session gets a new room. */
  roomUrl?: string;
  /**
   * Deletes a session's room when the session ends. The room of a failed start, or of a bot that failed before it was
   * ready, is always deleted.
   * @default false: it expires
   */
  deleteRoomOnEnd?: boolean;
  /**
   * Lifetime of a new room, in milliseconds.
   * @default 14_400_000 (4 h)
   */
  roomTtlMs?: number;
  /**
   * Lifetime of a meeting token, in milliseconds.
   * @default 7_200_000 (2 h)
   */
  tokenTtlMs?: number;
  /**
   * Timeout of a request to Daily including its retries, in milliseconds. A start sends two requests.
   * @default 10_000
   */
  timeoutMs?: number;
  /** Base64 secret (`hmac`) of the dial-in webhook. When set, unsigned webhooks are refused. */
  dialinSecret?: string;
  /**
   * Number of rooms with a SIP address that are created ahead, so that a phone call does not wait for Daily.
   * @default 0
   */
  warmRooms?: number;
  /**
   * Longest age of a warm room before it is replaced, in milliseconds; less than `tokenTtlMs` and `roomTtlMs`.
   * @default 1_800_000 (30 min)
   */
  warmRoomTtlMs?: number;
}

/** {@link DailyOptions} with their defaults. */
export type ResolvedDailyOptions = Required<Omit<DailyOptions, OptionsWithoutDefault>> &
  Pick<DailyOptions, OptionsWithoutDefault>;

type OptionsWithoutDefault = 'apiKey' | 'roomUrl' | 'dialinSecret';

/** DI token of the {@link ResolvedDailyOptions}. */
export const DAILY_OPTIONS = Symbol('DAILY_OPTIONS');

const DEFAULTS = {
  apiUrl: 'https://api.daily.co/v1',
  deleteRoomOnEnd: false,
  roomTtlMs: 4 * 3_600_000,
  tokenTtlMs: 2 * 3_600_000,
  timeoutMs: 10_000,
  warmRooms: 0,
  warmRoomTtlMs: 1_800_000,
} as const satisfies DailyOptions;

const httpUrl = (value: unknown): string | undefined =>
  typeof value === 'string' && /^https?:\/\/[^\s?#]+$/i.test(value) && URL.canParse(value)
    ? undefined
    : 'must be an http(s):// URL';

/**
 * Fills in the defaults.
 * @throws {InvalidOptionsError}
 */
export function resolveDailyOptions(options: DailyOptions): ResolvedDailyOptions {
  checkOptions(
    'DailyModule',
    options,
    {
      apiKey: text,
      apiUrl: httpUrl,
      roomUrl: (value) =>
        httpUrl(value) ??
        (roomNameOf(value as string)
          ? undefined
          : 'must name a room: https://domain.daily.co/room'),
      deleteRoomOnEnd: trueOrFalse,
      roomTtlMs: milliseconds(1),
      tokenTtlMs: milliseconds(1),
      timeoutMs: milliseconds(1),
      dialinSecret: (value) =>
        typeof value === 'string' && /^[A-Za-z0-9+/]{8,}={0,2}$/.test(value)
          ? undefined
          : 'must be the base64 text that Daily calls hmac',
      warmRooms: (value) =>
        Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= 100
          ? undefined
          : 'must be a whole number from 0 to 100',
      warmRoomTtlMs: milliseconds(1),
    },
    ['dialin'],
  );
  const resolved = { ...DEFAULTS, ...withoutUndefined(options) };
  if (resolved.warmRoomTtlMs >= Math.min(resolved.tokenTtlMs, resolved.roomTtlMs)) {
    throw new InvalidOptionsError('DailyModule', [
      'warmRoomTtlMs must be less than tokenTtlMs and roomTtlMs, or a call could get an expired room',
    ]);
  }
  return { ...resolved, apiUrl: resolved.apiUrl.replace(/\/+$/, '') };
}

/** Returns the room name in a room URL. */
export function roomNameOf(roomUrl: string): string {
  return new URL(roomUrl).pathname.split('/').filter(Boolean).at(-1) ?? '';
}
