import { isIP } from 'node:net';
import { checkOptions, milliseconds, withoutUndefined } from '../../validation/options.js';
import type { IceServer, PeerStack } from './peer/peer.js';

/** Options of {@link SmallWebRtcModule}. */
export interface SmallWebRtcOptions {
  /**
   * STUN and TURN servers for both peers, or a function that returns them for each session, as for temporary credentials.
   * @default []
   */
  iceServers?: IceServer[] | (() => IceServer[] | Promise<IceServer[]>);
  /**
   * ICE transport policy. `relay`: the bot uses TURN relay candidates only.
   * @default 'all'
   */
  iceTransportPolicy?: 'all' | 'relay';
  /**
   * Additional IP addresses to announce as host candidates, as behind the NAT of a cloud.
   * @default []
   */
  hostAddresses?: string[];
  /** Range of UDP ports, such as a firewall allows. Each session takes one port per address. @default any */
  udpPortRange?: [min: number, max: number];
  /**
   * `single`: accepts one client at a time and refuses others.
   * @default 'multiple'
   */
  connectionMode?: 'single' | 'multiple';
  /** IP address of this machine. Reduces answers to the SDP subset of ESP32 devices, with the candidates of this address only. */
  esp32Host?: string;
  /**
   * Timeout of ICE gathering, in milliseconds. The answer then goes out without the candidates of STUN and TURN servers.
   * @default 2_000
   */
  gatheringTimeoutMs?: number;
  /**
   * Timeout of the answer of a bot in a process of its own, in milliseconds, from the offer on: the process may have to start first.
   * @default 30_000
   */
  answerTimeoutMs?: number;
  /**
   * Timeout for a client to connect after the answer, in milliseconds.
   * @default 60_000
   */
  connectTimeoutMs?: number;
  /**
   * Heartbeat timeout, in milliseconds, of clients that send pings, as Pipecat's do every second.
   * @default 9_000: Pipecat's clients reconnect after some 8 s
   */
  peerTimeoutMs?: number;
  /** WebRTC implementation of bots in the runner's process. @default werift */
  stack?: PeerStack;
}

/** {@link SmallWebRtcOptions} with their defaults. */
export type ResolvedSmallWebRtcOptions = SmallWebRtcOptions &
  Required<Pick<SmallWebRtcOptions, keyof typeof DEFAULTS>>;

/** DI token of the {@link ResolvedSmallWebRtcOptions}. */
export const SMALL_WEBRTC_OPTIONS = Symbol('SMALL_WEBRTC_OPTIONS');

const DEFAULTS = {
  iceServers: [] as IceServer[],
  iceTransportPolicy: 'all',
  hostAddresses: [] as string[],
  connectionMode: 'multiple',
  gatheringTimeoutMs: 2_000,
  answerTimeoutMs: 30_000,
  connectTimeoutMs: 60_000,
  peerTimeoutMs: 9_000,
} as const satisfies SmallWebRtcOptions;

const oneOf =
  (...values: string[]) =>
  (value: unknown) =>
    values.includes(value as string)
      ? undefined
      : `must be ${values.map((one) => `'${one}'`).join(' or ')}`;

const address = (value: unknown): boolean => typeof value === 'string' && isIP(value) !== 0;

const port = (value: unknown): boolean =>
  Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) <= 65_535;

/**
 * Fills in the defaults.
 * @throws {InvalidOptionsError}
 */
export function resolveSmallWebRtcOptions(options: SmallWebRtcOptions): ResolvedSmallWebRtcOptions {
  checkOptions('SmallWebRtcModule', options, {
    iceServers: (value) => (typeof value === 'function' ? undefined : checkIceServers(value)),
    iceTransportPolicy: oneOf('all', 'relay'),
    hostAddresses: (value) =>
      Array.isArray(value) && value.every(address) ? undefined : 'must be a list of IP addresses',
    udpPortRange: (value) =>
      Array.isArray(value) && value.length === 2 && value.every(port) && value[0] < value[1]
        ? undefined
        : 'must be [min, max], two ports of which the first is the lower',
    connectionMode: oneOf('single', 'multiple'),
    esp32Host: (value) => (address(value) ? undefined : 'must be the IP address of this machine'),
    gatheringTimeoutMs: milliseconds(1),
    answerTimeoutMs: milliseconds(1),
    connectTimeoutMs: milliseconds(1),
    peerTimeoutMs: milliseconds(1),
    stack: (value) =>
      typeof (value as PeerStack | null)?.create === 'function' ? undefined : 'must be a PeerStack',
  });
  return { ...DEFAULTS, ...withoutUndefined(options) };
}

const ICE_KEYS = ['urls', 'username', 'credential'];

/** Returns what is wrong with a list of ICE servers, naming the entry. */
export function checkIceServers(value: unknown): string | undefined {
  if (!Array.isArray(value)) return 'must be a list of { urls, username?, credential? }';
  for (const [i, entry] of value.entries()) {
    const problem = problemOf(entry);
    if (problem) return `[${i}] ${problem}`;
  }
  return undefined;
}

function problemOf(entry: unknown): string | undefined {
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) {
    return 'must be { urls, username?, credential? }';
  }
  const unknown = Object.keys(entry).filter((key) => !ICE_KEYS.includes(key));
  if (unknown.length > 0) return `has ${unknown.join(', ')}; there are ${ICE_KEYS.join(', ')}`;
  const { urls, username, credential } = entry as Record<string, unknown>;
  const list: unknown[] = [urls].flat();
  if (list.length === 0 || !list.every((url) => /^(stun|turn)s?:[^\s]+$/i.test(String(url)))) {
    return 'must have urls such as stun:stun.example.com:3478 or turn:turn.example.com:3478';
  }
  for (const one of [username, credential]) {
    if (one !== undefined && typeof one !== 'string') {
      return 'must have a username and a credential that are strings';
    }
  }
  const isTurn = list.some((url) => /^turns?:/i.test(String(url)));
  return isTurn && (username === undefined || credential === undefined)
    ? 'must have a username and a credential: it is a TURN server'
    : undefined;
}
