import {
  checkOptions,
  anObject,
  milliseconds,
  text,
  trueOrFalse,
  withoutUndefined,
} from '../../validation/options.js';
import { RunnerError } from '../../errors/runner.error.js';

/** How a room is made on the server before anyone joins it. */
export interface LiveKitRoomOptions {
  /** How long the room waits for its first participant, in milliseconds. */
  emptyTimeoutMs?: number;
  /** How long the room stays after its last participant left, in milliseconds. */
  departureTimeoutMs?: number;
  maxParticipants?: number;
  /** The room's metadata, which every participant sees. */
  metadata?: string;
  /** Agents of LiveKit's own framework to send there too. */
  agents?: { agentName: string; metadata?: string }[];
}

/** Options of {@link LiveKitModule}. */
export interface LiveKitOptions {
  /** The LiveKit server, a `ws(s)://` URL (`LIVEKIT_URL`). */
  url?: string;
  /** `LIVEKIT_API_KEY` */
  apiKey?: string;
  /** `LIVEKIT_API_SECRET` */
  apiSecret?: string;
  /** A room that every session shares (`LIVEKIT_ROOM_NAME`). Unset, each gets its own, `pipecat-<8 hex>`. */
  roomName?: string;
  /**
   * How long after the start one can join with a token, in milliseconds.
   * @default 7_200_000 (2 h)
   */
  tokenTtlMs?: number;
  /** What other participants see of the bot beside its identity. */
  agent?: { name?: string; metadata?: string; attributes?: Record<string, string> };
  /** Makes each room on the server at the start; unset, LiveKit makes it when the first participant joins. */
  room?: LiveKitRoomOptions;
  /**
   * Whether a session's own room is deleted, and everyone in it removed, when the session ends.
   * @default false: it closes once it is empty
   */
  deleteRoomOnEnd?: boolean;
  /**
   * Whether a phone call that a LiveKit SIP dispatch rule puts into a room starts a bot there. Needs the webhook.
   * @default false
   */
  answerSipCalls?: boolean;
  /**
   * The longest a call to the server's API may take, in milliseconds.
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

/** What it takes to talk to the server. */
export interface LiveKitCredentials {
  readonly url: string;
  readonly apiKey: string;
  readonly apiSecret: string;
}

/** Which of the credentials are missing, by the names of their environment variables. */
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
