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
  /** The API key of the Daily domain (`DAILY_API_KEY`). Without one the transport is disabled. */
  apiKey?: string;
  /**
   * The Daily API (`DAILY_API_URL`).
   * @default 'https://api.daily.co/v1'
   */
  apiUrl?: string;
  /** A room that every session shares (`DAILY_ROOM_URL`), but for those that need a phone. Unset, each gets a new one. */
  roomUrl?: string;
  /**
   * Whether a room that was made for a session is deleted when the session ends. When the start fails, or the bot before it was
   * ready, it always is.
   * @default false: it expires
   */
  deleteRoomOnEnd?: boolean;
  /**
   * How long a new room lasts, in milliseconds.
   * @default 14_400_000 (4 h)
   */
  roomTtlMs?: number;
  /**
   * How long a meeting token can be used, in milliseconds.
   * @default 7_200_000 (2 h)
   */
  tokenTtlMs?: number;
  /**
   * The longest one call to Daily may take with all its retries, in milliseconds. A start makes two.
   * @default 10_000
   */
  timeoutMs?: number;
  /** The base64 secret (`hmac`) of the dial-in webhook. With it, unsigned calls are refused. */
  dialinSecret?: string;
  /**
   * How many rooms with a SIP address are kept ready, so that a phone call need not wait for Daily.
   * @default 0
   */
  warmRooms?: number;
  /**
   * How long a warm room waits for a call before it is replaced, in milliseconds; less than `tokenTtlMs` and `roomTtlMs`.
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

/** The name of the room a URL leads to. */
export function roomNameOf(roomUrl: string): string {
  return new URL(roomUrl).pathname.split('/').filter(Boolean).at(-1) ?? '';
}
