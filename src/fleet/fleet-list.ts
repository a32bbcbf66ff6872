import { sessionEndCodeOf } from '../bot/session-end.js';
import type { ListedSession } from '../sessions/session-registry.js';
import { isObject } from '../validation/is-object.js';
import type { RedisLink } from './redis-link.js';

/** The most sessions that have not ended and are listed, the newest. */
const MAX_LISTED = 5_000;
/** Records that are read at once. */
const CHUNK = 500;

/** The latest time that a date can hold, in milliseconds since 1970. */
const MAX_MS = 8.64e15;

/** Lists of the fleet's sessions, as the directory knows them. */
export class FleetList {
  constructor(private readonly link: RedisLink) {}

  /** Returns the newest sessions that have not ended, and recently ended ones. */
  async all(): Promise<ListedSession[]> {
    const { client, prefix } = this.link;
    const ids = await client.zrange(`${prefix}idx`, '0', String(MAX_LISTED - 1), 'REV');
    const listed: ListedSession[] = [];
    for (let at = 0; at < ids.length; at += CHUNK) {
      const found = await Promise.all(ids.slice(at, at + CHUNK).map((id) => this.live(id)));
      listed.push(...found.filter((one) => one !== undefined));
    }
    return [...listed, ...(await this.ended())];
  }

  /** Returns a session, also a recently ended one. */
  async find(id: string): Promise<ListedSession | undefined> {
    return (await this.live(id)) ?? (await this.ended(id)).find((one) => one.id === id);
  }

  private async live(id: string): Promise<ListedSession | undefined> {
    const { client, prefix } = this.link;
    const fields = ['st', 'tp', 'at', 'ph', 'pa', 'bs'] as const;
    const [state, transport, at, phase, since, botStart] = await client.hmget(
      `${prefix}s:${id}`,
      ...fields,
    );
    const createdAtMs = msOf(at);
    if (!transport || createdAtMs === undefined) return undefined;
    const name = phase === 'running' ? 'running' : 'launching';
    return {
      id,
      transport,
      createdAtMs,
      botStartMs: msOf(botStart),
      state:
        state === 'pending' ? { name: 'pending' } : { name, sinceMs: msOf(since) ?? createdAtMs },
    };
  }

  /** Returns recently ended sessions. @param text only those whose entry contains it: the others are not parsed */
  private async ended(text = ''): Promise<ListedSession[]> {
    const { client, prefix } = this.link;
    const entries = await client.lrange(`${prefix}hist`, 0, -1);
    return entries.flatMap((entry) => (entry.includes(text) ? (endedOf(entry) ?? []) : []));
  }
}

/** Returns each session once, as the first of the lists tells it. */
export function eachOnce(...lists: readonly (readonly ListedSession[])[]): ListedSession[] {
  const known = new Map<string, ListedSession>();
  for (const session of lists.flat()) if (!known.has(session.id)) known.set(session.id, session);
  return [...known.values()];
}

/** Returns an entry of the history; `undefined` for one of a version that writes others. */
function endedOf(entry: string): ListedSession | undefined {
  let known: unknown;
  try {
    known = JSON.parse(entry) as unknown;
  } catch {
    return undefined;
  }
  if (!isObject(known)) return undefined;
  const { id, transport } = known;
  const code = sessionEndCodeOf(known.code);
  const [createdAtMs, endedAtMs] = [msOf(known.createdAtMs), msOf(known.endedAtMs)];
  if (typeof id !== 'string' || typeof transport !== 'string' || !code) return undefined;
  if (createdAtMs === undefined || endedAtMs === undefined) return undefined;
  return {
    id,
    transport,
    createdAtMs,
    botStartMs: msOf(known.botStartMs),
    state: { name: 'ended', atMs: endedAtMs, reason: { code } },
  };
}

/** Returns milliseconds from a record; `undefined` for what no date can hold. */
function msOf(value: unknown): number | undefined {
  const ms = typeof value === 'string' && value !== '' ? Number(value) : value;
  return typeof ms === 'number' && Math.abs(ms) <= MAX_MS ? ms : undefined;
}
