import { IsObject } from 'class-validator';
import { RunnerError } from '../../errors/runner.error.js';
import { Nested } from '../../validation/field-traits.js';
import { isObject } from '../../validation/is-object.js';
import { Accepts, IsFlag, IsText, Milliseconds } from '../../validation/option.decorators.js';
import { resolveOptions, type WithDefaults } from '../../validation/options.js';

const isAgentList = (value: unknown): boolean =>
  Array.isArray(value) &&
  value.every((one) => isObject(one) && typeof one.agentName === 'string' && one.agentName !== '');

/** Options of a room that is created on the server before anyone joins. */
export class LiveKitRoomOptions {
  /** Wait for the first participant before the room closes, in milliseconds. */
  @Milliseconds(0)
  emptyTimeoutMs?: number;
  /** Time until the room closes after the last participant left, in milliseconds. */
  @Milliseconds(0)
  departureTimeoutMs?: number;
  @Accepts(
    'must be a whole number of at least 2: the bot and the user',
    (value) => Number.isSafeInteger(value) && Number(value) >= 2,
  )
  maxParticipants?: number;
  /** Metadata of the room, visible to all participants. */
  @IsText()
  metadata?: string;
  /** Agents of LiveKit's own framework to dispatch to the room. */
  @Accepts('must be a list of { agentName, metadata? }', isAgentList)
  agents?: { agentName: string; metadata?: string }[];
}

/** Options of {@link LiveKitModule}. */
export class LiveKitOptions {
  /** URL of the LiveKit server, `ws(s)://` (`LIVEKIT_URL`). */
  @Accepts(
    'must be a ws:// or wss:// URL such as wss://example.livekit.cloud',
    (value) =>
      typeof value === 'string' && /^wss?:\/\/[^\s?#]+$/i.test(value) && URL.canParse(value),
  )
  url?: string;
  /** API key (`LIVEKIT_API_KEY`). */
  @IsText()
  apiKey?: string;
  /** API secret (`LIVEKIT_API_SECRET`). */
  @IsText()
  apiSecret?: string;
  /** Room shared by all sessions (`LIVEKIT_ROOM_NAME`). Unset, each session gets its own, `pipecat-<8 hex>`. */
  @IsText()
  roomName?: string;
  /**
   * Lifetime of access tokens for joining, in milliseconds.
   * @default 7_200_000 (2 h)
   */
  @Milliseconds(1_000)
  tokenTtlMs?: number = 7_200_000;
  /** Name, metadata and attributes of the bot as a participant. */
  @IsObject({ message: '$property must be an object' })
  agent?: { name?: string; metadata?: string; attributes?: Record<string, string> };
  /** Creates each room at the start. Unset, LiveKit creates it when the first participant joins. */
  @Nested(() => LiveKitRoomOptions)
  room?: LiveKitRoomOptions;
  /**
   * Deletes a session's own room, and removes its participants, when the session ends.
   * @default false: it closes once it is empty
   */
  @IsFlag()
  deleteRoomOnEnd?: boolean = false;
  /**
   * Starts a bot for each phone call that a LiveKit SIP dispatch rule puts into a room. Requires the webhook.
   * @default false
   */
  @IsFlag()
  answerSipCalls?: boolean = false;
  /**
   * Timeout of a request to the server's API including its retries, in milliseconds.
   * @default 10_000
   */
  @Milliseconds(1)
  timeoutMs?: number = 10_000;
}

/** {@link LiveKitOptions} with their defaults. */
export type ResolvedLiveKitOptions = WithDefaults<
  LiveKitOptions,
  'url' | 'apiKey' | 'apiSecret' | 'roomName' | 'agent' | 'room'
>;

/** DI token of the {@link ResolvedLiveKitOptions}. */
export const LIVEKIT_OPTIONS = Symbol('LIVEKIT_OPTIONS');

/**
 * Fills in the defaults.
 * @throws {InvalidOptionsError}
 */
export const resolveLiveKitOptions = (options: LiveKitOptions): ResolvedLiveKitOptions =>
  resolveOptions('LiveKitModule', new LiveKitOptions(), options);

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
