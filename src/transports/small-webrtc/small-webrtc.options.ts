import { isIP } from 'node:net';
import { IsArray, IsIP } from 'class-validator';
import { isObject } from '../../validation/is-object.js';
import {
  Accepts,
  IsOneOf,
  isWhole,
  Milliseconds,
  ValidatedBy,
} from '../../validation/option.decorators.js';
import { resolveOptions, type WithDefaults } from '../../validation/options.js';
import type { IceServer, PeerStack } from './peer/peer.js';

const ADDRESSES = '$property must be a list of IP addresses';

const isPortRange = (value: unknown): boolean =>
  Array.isArray(value) &&
  value.length === 2 &&
  value.every((port) => isWhole(port, 1) && port <= 65_535) &&
  value[0] < value[1];

/** True for an IP address that a device can reach, unlike 0.0.0.0 and ::, which stand for any address of this machine. */
export function isReachable(address: unknown): boolean {
  return typeof address === 'string' && isIP(address) !== 0 && !/^[0.:]+$/.test(address);
}

/** Options of {@link SmallWebRtcModule}. */
export class SmallWebRtcOptions {
  /**
   * STUN and TURN servers for both peers, or a function that returns them for each session, as for temporary credentials.
   * @default []
   */
  @ValidatedBy((value) => (typeof value === 'function' ? undefined : checkIceServers(value)))
  iceServers?: IceServer[] | (() => IceServer[] | Promise<IceServer[]>) = [];
  /**
   * ICE transport policy. `relay`: the bot uses TURN relay candidates only.
   * @default 'all'
   */
  @IsOneOf('all', 'relay')
  iceTransportPolicy?: 'all' | 'relay' = 'all';
  /**
   * Additional IP addresses to announce as host candidates, as behind the NAT of a cloud.
   * @default []
   */
  @IsArray({ message: ADDRESSES })
  @IsIP(undefined, { each: true, message: ADDRESSES })
  hostAddresses?: string[] = [];
  /** Range of UDP ports, such as a firewall allows. Each session takes one port per address. @default any */
  @Accepts('must be [min, max], two ports of which the first is the lower', isPortRange)
  udpPortRange?: [min: number, max: number];
  /**
   * `single`: accepts one client at a time and refuses others.
   * @default 'multiple'
   */
  @IsOneOf('single', 'multiple')
  connectionMode?: 'single' | 'multiple' = 'multiple';
  /** IP address of this machine. Reduces answers to the SDP subset of ESP32 devices, with the candidates of this address only. */
  @Accepts('must be the IP address of this machine, which the device reaches', isReachable)
  esp32Host?: string;
  /**
   * Timeout of ICE gathering, in milliseconds. The answer then goes out without the candidates of STUN and TURN servers.
   * @default 2_000
   */
  @Milliseconds(1)
  gatheringTimeoutMs?: number = 2_000;
  /**
   * Timeout of the answer of a bot in a process of its own, in milliseconds, from the offer on: the process may have to start first.
   * @default 30_000
   */
  @Milliseconds(1)
  answerTimeoutMs?: number = 30_000;
  /**
   * Timeout for a client to connect after the answer, in milliseconds.
   * @default 60_000
   */
  @Milliseconds(1)
  connectTimeoutMs?: number = 60_000;
  /**
   * Heartbeat timeout, in milliseconds, of clients that send pings, as Pipecat's do every second.
   * @default 9_000: Pipecat's clients reconnect after some 8 s
   */
  @Milliseconds(1)
  peerTimeoutMs?: number = 9_000;
  /** WebRTC implementation of bots in the runner's process. @default werift */
  @Accepts(
    'must be a PeerStack',
    (value) => typeof (value as PeerStack | null)?.create === 'function',
  )
  stack?: PeerStack;
}

/** {@link SmallWebRtcOptions} with their defaults. */
export type ResolvedSmallWebRtcOptions = WithDefaults<
  SmallWebRtcOptions,
  'udpPortRange' | 'esp32Host' | 'stack'
>;

/** DI token of the {@link ResolvedSmallWebRtcOptions}. */
export const SMALL_WEBRTC_OPTIONS = Symbol('SMALL_WEBRTC_OPTIONS');

/**
 * Fills in the defaults.
 * @throws {InvalidOptionsError}
 */
export const resolveSmallWebRtcOptions = (
  options: SmallWebRtcOptions,
): ResolvedSmallWebRtcOptions =>
  resolveOptions('SmallWebRtcModule', new SmallWebRtcOptions(), options);

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
  if (!isObject(entry)) {
    return 'must be { urls, username?, credential? }';
  }
  const unknown = Object.keys(entry).filter((key) => !ICE_KEYS.includes(key));
  if (unknown.length > 0) return `has ${unknown.join(', ')}; there are ${ICE_KEYS.join(', ')}`;
  const { urls, username, credential } = entry;
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
