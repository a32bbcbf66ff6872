import { randomUUID } from 'node:crypto';
import { fieldOf, isInstance, textOfThrown } from '../errors/thrown.js';
import { areApart, clockText } from './clock-watch.js';
import { type NodeTable } from './node-table.js';
import type { RedisLink } from './redis-link.js';
import { ALIAS } from './scripts/alias.script.js';
import { OWNERS } from './scripts/owners.script.js';
import { ABANDON } from './scripts/abandon.script.js';
import { ADOPT } from './scripts/adopt.script.js';
import { ANNOUNCE } from './scripts/announce.script.js';
import { CLAIM } from './scripts/claim.script.js';
import { END } from './scripts/end.script.js';
import { GIVE_BACK } from './scripts/give-back.script.js';
import { FOLLOW } from './scripts/follow.script.js';
import { HAND_ON } from './scripts/hand-on.script.js';
import { NOTE } from './scripts/note.script.js';
import { ONCE } from './scripts/once.script.js';
import { OPEN } from './scripts/open.script.js';
import { REAP } from './scripts/reap.script.js';
import { FLEET_COMMANDS, QUEUE_COMMANDS, RIGHTS } from './scripts/rights.script.js';
import { ROOM } from './scripts/room.script.js';
import { RECORD_VERSION, type SessionDirectory } from './session-directory.js';

/** Oldest supported version. */
const MIN_VERSION = [6, 2] as const;

/** Rights of a user that suffice, also for BullMQ. */
const RIGHTS_TEXT = '+@read +@write +eval +evalsha +info +time +client|setname';
/** Rights that a client of a Cluster needs beside them. */
const CLUSTER_RIGHTS_TEXT = '+cluster|slots +cluster|info';

/** A server or client that the fleet cannot work with. The message says what is accepted. */
export class FleetSetupError extends Error {
  override readonly name = 'FleetSetupError';
}

/**
 * Connects, and checks the server, the client and the fleet that is there already.
 * @param handsRooms true if BullMQ hands rooms to other nodes
 * @returns warnings, one line each
 * @throws {FleetSetupError} for what cannot work
 */
export async function checkFleet(
  link: RedisLink,
  directory: SessionDirectory,
  table: NodeTable,
  handsRooms = false,
): Promise<string[]> {
  checkClient(link);
  const facts = await connect(link);
  checkServer(link, facts);
  await tryScripts(link, directory.node, handsRooms);
  return [...policyWarning(facts), ...(await clockWarning(link)), ...(await versionWarning(table))];
}

/** Connects, and returns the fields of `INFO`. */
async function connect(link: RedisLink): Promise<ReadonlyMap<string, string>> {
  try {
    return factsOf(await link.info());
  } catch (cause) {
    const { message } = textOfThrown(cause);
    const denied = deniedIn(message);
    if (denied !== undefined) throw lacksRights(link, denied, cause);
    if (!/\b(NOAUTH|WRONGPASS|NOPERM)\b/.test(message)) throw cause;
    throw new FleetSetupError(
      `Redis does not let this node in; give redis the user and password that it asks for: ${message}`,
      { cause },
    );
  }
}

/** A client of the host's must fail fast, and its keys must be those of the scripts. */
function checkClient({ client }: RedisLink): void {
  const { options } = client;
  const commandTimeout =
    fieldOf(options, 'commandTimeout') ??
    fieldOf(fieldOf(options, 'redisOptions'), 'commandTimeout');
  if (fieldOf(options, 'keyPrefix') || fieldOf(fieldOf(options, 'redisOptions'), 'keyPrefix')) {
    throw new FleetSetupError(
      "redis has a keyPrefix, which would take keys of the scripts out of their hash tag's slot: leave it out, and use namespace",
    );
  }
  if (options.enableOfflineQueue !== false || typeof commandTimeout !== 'number') {
    throw new FleetSetupError(
      'the client of redis would wait for a server that is away: pass the options that the function is given on to it (enableOfflineQueue: false, commandTimeout)',
    );
  }
}

function checkServer({ client }: RedisLink, facts: ReadonlyMap<string, string>): void {
  const version = facts.get('redis_version') ?? '';
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major < MIN_VERSION[0] || (major === MIN_VERSION[0] && minor < MIN_VERSION[1])) {
    throw new FleetSetupError(
      `Redis ${version} is too old: a fleet needs Redis ${MIN_VERSION.join('.')} or Valkey`,
    );
  }
  if (facts.get('cluster_enabled') === '1' && !client.isCluster) {
    throw new FleetSetupError(
      'redis is a node of a Cluster: give a function that makes a Cluster client of ioredis',
    );
  }
}

/** Returns the command that Redis does not let its user run, by its answer. */
const deniedIn = (message: string): string | undefined =>
  /NOPERM .* permissions to run the '(\S+)' command/.exec(message)?.[1]?.toUpperCase();

const rightsOf = ({ client, prefix }: RedisLink): string =>
  `${client.isCluster ? `${RIGHTS_TEXT} ${CLUSTER_RIGHTS_TEXT}` : RIGHTS_TEXT} on the keys ${prefix}*`;

const lacksRights = (link: RedisLink, commands: string, cause?: unknown): FleetSetupError =>
  new FleetSetupError(`Redis does not let its user run ${commands}: give it ${rightsOf(link)}`, {
    cause,
  });

/** Runs each script in a way that changes nothing, after its commands on a key that is gone afterwards. */
async function tryScripts(link: RedisLink, node: string, handsRooms: boolean): Promise<void> {
  const id = randomUUID();
  const commands = handsRooms ? [...FLEET_COMMANDS, ...QUEUE_COMMANDS] : FLEET_COMMANDS;
  try {
    const inScripts = (await link.run(RIGHTS, id, ...commands)).words;
    const denied = new Set([...inScripts, ...(await deniedDirectly(link, handsRooms))]);
    if (denied.size > 0) throw lacksRights(link, [...denied].join(', '));
    await link.run(OPEN, id, node, id, '', '', '', '', 0, 0, 0, 0, 0, 0, '', 0);
    await link.run(CLAIM, id, node, id, 0, 0, 0, 0);
    await link.run(GIVE_BACK, id, node, 0);
    await link.run(END, id, '', id, 'lost', 'lost', '', 1, 0);
    await link.run(ABANDON, id, 0);
    await link.run(ROOM, id, node, 0, 0, '', '');
    await link.run(HAND_ON, id, node, 0, 0);
    await link.run(REAP, id, 1, 1, 0, 0);
    await link.run(ANNOUNCE, node, 0, 1, RECORD_VERSION);
    await link.run(ADOPT, id, node, id, 0);
    await link.run(FOLLOW, node, id);
    await link.run(ALIAS, id, id);
    await link.run(OWNERS, id);
    await link.run(NOTE, node);
    await link.run(ONCE, 'free', id, node, id, 0);
  } catch (cause) {
    if (isInstance(cause, FleetSetupError) || link.kindOf(cause) !== 'error') throw cause;
    const denied = deniedIn(textOfThrown(cause).message);
    if (denied !== undefined) throw lacksRights(link, denied, cause);
    throw new FleetSetupError(
      `Redis does not run the fleet's scripts: its user needs ${rightsOf(link)}: ${textOfThrown(cause).message}`,
      { cause },
    );
  }
}

/** Returns which commands Redis does not let its user send by themselves. */
async function deniedDirectly(
  { client, prefix }: RedisLink,
  handsRooms: boolean,
): Promise<string[]> {
  const asked = [
    // The scripts may be known to the server already.
    client.eval('return {}', 1, prefix),
    // BullMQ's worker waits so. A negative time is refused behind the rights, and waits for nothing.
    ...(handsRooms ? [client.bzpopmin(prefix, -1)] : []),
  ];
  const answers = await Promise.allSettled(asked);
  return answers.flatMap((answer) =>
    answer.status === 'rejected' ? (deniedIn(textOfThrown(answer.reason).message) ?? []) : [],
  );
}

function policyWarning(facts: ReadonlyMap<string, string>): string[] {
  const policy = facts.get('maxmemory_policy');
  if (policy === undefined || policy === 'noeviction') return [];
  return [`maxmemory-policy of Redis is ${policy}, which can drop sessions: set it to noeviction`];
}

async function clockWarning(link: RedisLink): Promise<string[]> {
  const differenceMs = Date.now() - (await link.nowMs());
  return areApart(differenceMs) ? [clockText(differenceMs)] : [];
}

async function versionWarning(table: NodeTable): Promise<string[]> {
  const others = (await table.nodes()).filter(
    ({ records }) => Math.abs(records - RECORD_VERSION) > 1,
  );
  if (others.length === 0) return [];
  const versions = [...new Set(others.map(({ version }) => version))].slice(0, 5).join(', ');
  return [
    `${others.length} node(s) of version ${versions} write sessions that this one cannot claim, or the other way round: roll out one version after the other`,
  ];
}

/** Returns the fields of `INFO`. */
const factsOf = (info: string): ReadonlyMap<string, string> =>
  new Map(
    info.split('\n').flatMap((line) => {
      const at = line.indexOf(':');
      return at > 0 ? [[line.slice(0, at), line.slice(at + 1).trim()] as const] : [];
    }),
  );
