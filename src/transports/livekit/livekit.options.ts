import {
  checkOptions,
  anObject,
  milliseconds,
  text,
  trueOrFalse,
  withoutUndefined,
} from '../../validation/options.js';
import { RunnerError } from '../../errors/runner.error.js';

/** Options of a room that is created on the server before anyone joins. */
export interface LiveKitRoomOptions {
  /** Wait for the first participant before the room closes, in milliseconds. */
  emptyTimeoutMs?: number;
  /** Time until the room closes after the last participant left, in milliseconds. */
  departureTimeoutMs?: number;
  maxParticipants?: number;
  /** Metadata of the room, visible to all participants. */
  metadata?: string;
  /** Agents of LiveKit's own framework to dispatch to the room. */
  agents?: { agentName: string; metadata?: string }[];
}

/** Options of {@link LiveKitModule}. */
export interface LiveKitOptions {
  /** URL of the LiveKit server, `ws(s)://` (`LIVEKIT_URL`). */
  url?: string;
  /** API key (`LIVEKIT_API_KEY`). */
  apiKey?: string;
  /** API secret (`LIVEKIT_API_SECRET`). */
  apiSecret?: string;
  /** Room shared by all sessions (`LIVEKIT_ROOM_NAME`). Unset, each session gets its own, `pipecat-<8 hex>`. */
  roomName?: string;
  /**
   * Lifetime of access tokens for joining, in milliseconds.
   * @default 7_200_000 (2 h)
   */
  tokenTtlMs?: number;
  /** Name, metadata and attributes of the bot as a participant. */
  agent?: { name?: string; metadata?: string; attributes?: Record<string, string> };
  /** Creates each room at the start. Unset, LiveKit creates it when the first participant joins. */
  room?: LiveKitRoomOptions;
  /**
   * Deletes a session's own room, and removes its participants, when the session ends.
   * @default false: it closes once it is empty
   */
  deleteRoomOnEnd?: boolean;
  /**
   * Starts a bot for each phone call that a LiveKit SIP dispatch rule puts into a room. Requires the webhook.
   * @default false
   */
  answerSipCalls?: boolean;
  /**
   * Timeout of a request to the server's API, in milliseconds.
   * @default 10_000
   */
  timeoutMs?: number;
}

/** {@link LiveKitOptions} with their defaults. */
export type ResolvedLiveKitOptions = LiveKitOptions &
  Required<Pick<LiveKitOptions, keyof typeof DEFAULTS>>;

/** DI token of the {@link ResolvedLiveKitOptions}. */
export const LIVEKIT_OPTIONS = Symbol('LIVEKIT_OPTIONS');

const DEFAULTS = {
  tokenTtlMs: 2 * 3_600_000,
  deleteRoomOnEnd: false,
  answerSipCalls: false,
  timeoutMs: 10_000,
} as const satisfies LiveKitOptions;

/**
 * Fills in the defaults.
 * @throws {InvalidOptionsError}
 */
export function resolveLiveKitOptions(options: LiveKitOptions): ResolvedLiveKitOptions {
  checkOptions('LiveKitModule', options, {
    url: (value) =>
      typeof value === 'string' && /^wss?:\/\/[^\s?#]+$/i.test(value) && URL.canParse(value)
        ? undefined
        : 'must be a ws:// or wss:// URL such as wss://example.livekit.cloud',
    apiKey: text,
    apiSecret: text,
    roomName: text,
    tokenTtlMs: milliseconds(1_000),
    agent: anObject,
    room: anObject,
    deleteRoomOnEnd: trueOrFalse,
    answerSipCalls: trueOrFalse,
    timeoutMs: milliseconds(1),
  });
  checkOptions('LiveKitModule room', options.room ?? {}, {
    emptyTimeoutMs: milliseconds(0),
    departureTimeoutMs: milliseconds(0),
    maxParticipants: (value) =>
      Number.isSafeInteger(value) && (value as number) >= 2
        ? undefined
        : 'must be a whole number of at least 2: the bot and the user',
    metadata: text,
    agents: (value) =>
      Array.isArray(value) &&
      value.every((one) => text((one as { agentName?: unknown }).agentName) === undefined)
        ? undefined
        : 'must be a list of { agentName, metadata? }',
  });
  return { ...DEFAULTS, ...withoutUndefined(options) };
}

/** URL and credentials of the server. */
export interface LiveKitCredentials {
  readonly url: string;
  readonly apiKey: string;
  readonly apiSecret: string;
}

/** Returns the names of the environment variables of the missing credentials. */
export function missingCredentials({ url, apiKey, apiSecret }: LiveKitOptions): string[] {
  return Object.entries({
    LIVEKIT_URL: url,
    LIVEKIT_API_KEY: apiKey,
    LIVEKIT_API_SECRET: apiSecret,
  }).flatMap(([name, value]) => (value === undefined ? [name] : []));
}

/** @throws {RunnerError} `TRANSPORT_UNAVAILABLE` when any of them is missing */
export function credentialsOf(options: LiveKitOptions): LiveKitCredentials {
  const { url, apiKey, apiSecret } = options;
  if (url !== undefined && apiKey !== undefined && apiSecret !== undefined) {
    return { url, apiKey, apiSecret };
  }
  throw new RunnerError(
    'TRANSPORT_UNAVAILABLE',
    `LiveKit is disabled: ${missingCredentials(options).join(', ')} not set.`,
  );
}
