import { PEER_STATES, type PeerReport } from '../bot/bot-peer.js';
import { textOfThrown } from '../errors/thrown.js';
import { isObject } from '../validation/is-object.js';
import type { MediaStats } from '../media/media-transport.events.js';
import {
  BOT_ENDS,
  type BotMessage,
  LOG_LEVELS,
  MAX_LOG_TEXT,
  MAX_REASON,
  MAX_SDP,
} from './bot-messages.js';
import { printableLines } from './printable-lines.js';

/** Largest counter of a conversation. */
const MAX_COUNT = 1_000_000_000;
/** The most routes of a bot, and the longest, in characters. */
const MAX_ROUTES = 100;
const MAX_ROUTE = 1_000;
/** The most distinct kinds of malformed input. */
const MAX_KINDS = 100;
/** The most certificates of a bot that is a server. */
const MAX_FINGERPRINTS = 10;
const SHA_256 = /^[0-9a-f]{64}$/i;
const SDP = /^v=0\r?\n[\x20-\x7e\r\n]*$/;

type Fields = Readonly<Record<string, unknown>>;

/**
 * Parses a bot process' message: the fields of its type, within bounds, and printable texts.
 * @returns `undefined` for an unknown type; a description of the error for a malformed message
 */
export function parseBotMessage(line: string): BotMessage | string | undefined {
  let fields: unknown;
  try {
    fields = JSON.parse(line);
  } catch {
    fields = undefined;
  }
  if (!isObject(fields) || typeof fields.type !== 'string')
    return 'said what is no message of the protocol';
  const { type } = fields;
  if (!isKnown(type)) return undefined;
  try {
    return READERS[type](fields);
  } catch (error) {
    return `sent a message of type ${type} that cannot be used: ${textOfThrown(error).message}`;
  }
}

const READERS: { readonly [T in BotMessage['type']]: (fields: Fields) => BotMessage } = {
  loaded: ({ routes }) => ({
    type: 'loaded',
    ...(!isAbsent(routes) && { routes: routesOf(routes) }),
  }),
  ready: ({ certFingerprints: given }) => ({
    type: 'ready',
    ...(!isAbsent(given) && { certFingerprints: fingerprintsOf(given) }),
  }),
  log: (fields) => ({
    type: 'log',
    level: choiceOf(fields, 'level', LOG_LEVELS),
    message: textOf(fields, 'message', MAX_LOG_TEXT),
  }),
  stop: (fields) => ({
    type: 'stop',
    code: choiceOf(fields, 'code', BOT_ENDS),
    message: textOf(fields, 'message', MAX_REASON),
  }),
  leaving: (fields) => ({ type: 'leaving', message: textOf(fields, 'message', MAX_REASON) }),
  hang_up: () => ({ type: 'hang_up' }),
  transfer: (fields) => ({
    type: 'transfer',
    target: textOf(fields, 'target', MAX_REASON),
    ...(!isAbsent(fields.callerId) && { callerId: textOf(fields, 'callerId', MAX_REASON) }),
  }),
  done: ({ stats }) => ({ type: 'done', stats: isAbsent(stats) ? undefined : statsOf(stats) }),
  failed: (fields) => ({
    type: 'failed',
    message: textOf(fields, 'message', MAX_REASON),
    stack: isAbsent(fields.stack) ? undefined : textOf(fields, 'stack', MAX_LOG_TEXT),
  }),
  file: (fields) => ({
    type: 'file',
    id: idOf(fields, 'a file'),
    ...(!isAbsent(fields.url) && { url: rawTextOf(fields, 'url', MAX_REASON) }),
    ...(!isAbsent(fields.error) && { error: textOf(fields, 'error', MAX_REASON) }),
  }),
  answer: answerOf,
  peer: (fields) => ({ type: 'peer', state: choiceOf(fields, 'state', PEER_STATES) }),
  terminate: () => ({ type: 'terminate' }),
  requests: () => ({ type: 'requests' }),
};

const isKnown = (type: string): type is BotMessage['type'] => Object.hasOwn(READERS, type);

/** True for `null` too, which most languages write for absent fields. */
const isAbsent = (value: unknown): boolean => value === undefined || value === null;

function rawTextOf(fields: Fields, name: string, max: number): string {
  const text = fields[name];
  if (typeof text !== 'string' || text.length > max)
    throw new Error(`${name} must be a text of at most ${max} characters`);
  return text;
}

const textOf = (fields: Fields, name: string, max: number): string =>
  printableLines(rawTextOf(fields, name, max));
function routesOf(routes: unknown): string[] {
  if (!Array.isArray(routes) || routes.length > MAX_ROUTES)
    throw new Error(`routes must be a list of at most ${MAX_ROUTES}`);
  return routes.map((_, i) => textOf({ route: routes[i] as unknown }, 'route', MAX_ROUTE));
}

function choiceOf<T extends string>(fields: Fields, name: string, choices: readonly T[]): T {
  const choice = choices.find((one) => one === fields[name]);
  if (choice === undefined) throw new Error(`${name} must be one of ${choices.join(', ')}`);
  return choice;
}

function countOf(fields: Fields, name: string): number {
  const count = fields[name];
  if (typeof count === 'number' && Number.isInteger(count) && count >= 0 && count <= MAX_COUNT)
    return count;
  throw new Error(`each number of stats must be a whole one from 0 to ${MAX_COUNT}`);
}

function fingerprintsOf(given: unknown): string[] {
  const isOne = (one: unknown): one is string => typeof one === 'string' && SHA_256.test(one);
  if (Array.isArray(given) && given.length <= MAX_FINGERPRINTS && given.every(isOne)) return given;
  throw new Error(`certFingerprints must be at most ${MAX_FINGERPRINTS} SHA-256 hashes in hex`);
}

function idOf({ id }: Fields, of: string): number {
  if (typeof id === 'number') return id;
  throw new Error(`id must be the number of ${of}`);
}

function answerOf(fields: Fields): PeerReport {
  const id = idOf(fields, 'an offer');
  if (!isAbsent(fields.error))
    return { type: 'answer', id, error: textOf(fields, 'error', MAX_REASON) };
  const sdp = rawTextOf(fields, 'sdp', MAX_SDP);
  if (!SDP.test(sdp)) throw new Error('sdp must be lines of printable ASCII characters');
  return { type: 'answer', id, sdp };
}

function statsOf(stats: unknown): MediaStats {
  if (!isObject(stats) || !isObject(stats.malformed))
    throw new Error('stats and its malformed must be objects');
  const { malformed } = stats;
  const kinds = Object.keys(malformed);
  if (kinds.length > MAX_KINDS) throw new Error(`malformed must have at most ${MAX_KINDS} kinds`);
  return {
    audioIn: countOf(stats, 'audioIn'),
    audioOut: countOf(stats, 'audioOut'),
    unread: countOf(stats, 'unread'),
    overflowed: countOf(stats, 'overflowed'),
    malformed: Object.fromEntries(kinds.map((kind) => [kind, countOf(malformed, kind)])),
  };
}
