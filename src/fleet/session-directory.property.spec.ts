import { afterAll, beforeAll, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { describeWith } from '../../test/support/needs.js';
import { countsOf, FleetTestNode } from '../../test/support/fleet-node.js';
import { RedisServer } from '../../test/support/redis-server.js';
import type { SessionKind } from '../sessions/session-registry.js';
import type { RecordedRoom } from './directory-session.js';

const NODES = ['a', 'b', 'c'];
const FLEET_LIMIT = 5;
const CALLER_LIMIT = 4;
const NODE_LIMIT = 2;

const ids = fc.constantFrom('1', '2', '3', '4', '5', '6', '7', '8');
/** Half of the sessions are rooms. */
const isRoom = (id: string): boolean => Number(id) > 4;
const nodes = fc.nat({ max: NODES.length - 1 });
const VERBS = ['open', 'open', 'claim', 'claim', 'record', 'end', 'hand on', 'reap'] as const;
/** Each step is done twice now and then, as after an answer that was lost: with the same outcome. */
const step = fc.record({
  do: fc.constantFrom(...VERBS, 'abandon', 'announce', 'bury', 'empty'),
  id: ids,
  node: nodes,
  isConnected: fc.boolean(),
  restarts: fc.boolean(),
  twice: fc.boolean(),
});
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

/** A session as its owner believes it to be. */
interface Owned {
  readonly epoch: number;
  readonly room?: RecordedRoom;
}
type OwnedById = ReadonlyMap<string, Owned>;

interface Modelled extends Owned {
  readonly state: 'pending' | 'active' | 'lost';
  readonly owner?: number;
}

/** The fleet as it should be. */
class Model {
  readonly records = new Map<string, Modelled>();
  readonly ended = new Map<string, 'lost' | 'ended'>();
  /** Sessions that each node believes to own. */
  readonly owned = NODES.map(() => new Map<string, Owned>());
  /** Ids are never used again, also by those who forgot them. */
  readonly used = new Set<string>();
  private readonly buried = new Set<string>();

  private all(state: Modelled['state'], owner?: number): string[] {
    return [...this.records]
      .filter(([, one]) => one.state === state && (owner === undefined || one.owner === owner))
      .map(([id]) => id)
      .sort();
  }

  get open(): string[] {
    return [...this.all('pending'), ...this.all('active')].sort();
  }

  /** The sets of Redis, without empty ones. */
  sets(callerKey: string): Record<string, string[]> {
    const sets = {
      idx: this.open,
      [`c:${callerKey}`]: this.open,
      pending: this.all('pending'),
      rooms: this.all('pending').filter(isRoom),
      lost: this.all('lost'),
      ...Object.fromEntries(NODES.map((name, at) => [`own:${name}`, this.all('active', at)])),
    };
    return Object.fromEntries(Object.entries(sets).filter(([, held]) => held.length > 0));
  }

  do({ do: what, id, node, isConnected, restarts }: Step): unknown {
    const record = this.records.get(id);
    const owned = this.owned[node]!;
    const isFull = this.all('active', node).length >= NODE_LIMIT;
    switch (what) {
      case 'open':
        if (record || this.ended.has(id)) return 'WRONG_STATE';
        if (this.open.length >= Math.min(FLEET_LIMIT, CALLER_LIMIT)) return 'AT_CAPACITY';
        if (isConnected && isFull) return 'AT_CAPACITY';
        if (isConnected) this.own(id, node, { epoch: 1 });
        else this.records.set(id, { state: 'pending', epoch: 0 });
        return isConnected ? 1 : 0;
      case 'claim': {
        if (!record) return 'missing';
        if (record.state !== 'pending') return 'taken';
        if (isRoom(id) && !record.room) return 'missing';
        if (isFull) return 'node_full';
        this.own(id, node, { epoch: record.epoch + 1, room: record.room });
        return 'claimed';
      }
      case 'record': {
        if (!record || (record.state !== 'pending' && record.owner !== node)) return false;
        const room = roomOf(restarts);
        this.records.set(id, { ...record, room });
        const known = owned.get(id);
        if (known) owned.set(id, { ...known, room });
        return true;
      }
      case 'end': {
        const epoch = owned.get(id)?.epoch;
        owned.delete(id);
        if (!record && this.ended.has(id)) return 'gone';
        const isWaiting = record?.state === 'pending' && (epoch === undefined || !record.epoch);
        if (record && !isWaiting && epoch !== record.epoch) return 'fenced';
        this.records.delete(id);
        this.ended.set(id, 'ended');
        return 'ended';
      }
      case 'hand on': {
        const { epoch } = owned.get(id)!;
        if (!record) return false;
        const isOurs = record.epoch <= epoch;
        if (isOurs && (record.state !== 'active' || !record.room?.restarts)) return false;
        if (isOurs) this.relaunch(id, record);
        owned.delete(id);
        return true;
      }
      case 'reap':
        for (const one of this.all('active', node)) {
          const known = this.records.get(one)!;
          if (known.room?.restarts) this.relaunch(one, known);
          else this.records.set(one, { ...known, state: 'lost' });
        }
        return undefined;
      case 'abandon':
        if (record?.state === 'active') this.records.set(id, { ...record, state: 'lost' });
        if (record || !this.ended.has(id)) return undefined;
        return this.ended.get(id) === 'lost' ? 'lost' : 'completed';
      case 'bury':
        if (record?.state !== 'lost') return record ? 'changed' : 'gone';
        this.records.delete(id);
        this.ended.set(id, 'lost');
        return 'ended';
      case 'announce': {
        const outcomes = [...owned].map(
          ([one, known]) => [one, this.announce(one, node, known)] as const,
        );
        for (const [one, outcome] of outcomes) if (outcome === 'taken') owned.delete(one);
        return Object.fromEntries(outcomes);
      }
      default:
        this.records.clear();
        this.ended.clear();
        this.buried.clear();
        return undefined;
    }
  }

  private own(id: string, owner: number, known: Owned): void {
    this.records.set(id, { ...known, state: 'active', owner });
    this.owned[owner]!.set(id, known);
  }

  private relaunch(id: string, { epoch, room }: Modelled): void {
    this.records.set(id, { state: 'pending', epoch: epoch + 1, room });
  }

  private announce(id: string, owner: number, known: Owned): string {
    const record = this.records.get(id);
    const ended = this.ended.get(id);
    if (!record && ended === 'ended') return 'gone';
    if (!record && ended === 'lost') this.buried.add(id);
    if (record && (known.epoch < record.epoch || isOther(record, known, owner))) return 'taken';
    const room = record ? record.room : known.room;
    this.records.set(id, { epoch: known.epoch, room, state: 'active', owner });
    return this.buried.has(id) ? 'buried' : 'kept';
  }
}

const isOther = (record: Modelled, { epoch }: Owned, owner: number): boolean =>
  record.epoch === epoch && record.owner !== owner;

const roomOf = (restarts: boolean): RecordedRoom => ({ text: '{}', restarts });

describeWith('redis-server')('the directory of a fleet, whatever is done in whatever order', () => {
  let redis: RedisServer;
  const fleet: FleetTestNode[] = [];

  beforeAll(async () => {
    redis = await RedisServer.start();
    for (const name of NODES) {
      const limits = { maxSessions: FLEET_LIMIT, places: NODE_LIMIT };
      fleet.push(await FleetTestNode.join(name, redis.url, limits));
    }
  });
  afterAll(async () => {
    for (const node of fleet) node.die();
    await redis.stop();
  });

  /** Makes Redis forget everything but a node that has places for all rooms. */
  const empty = async (): Promise<void> => {
    const { client, prefix } = fleet[0]!.link;
    await client.flushall();
    await client.hset(`${prefix}places`, 'roomy', 1_000);
    await client.zadd(`${prefix}nodes`, 1e15, 'roomy');
  };

  const kindOf = (id: string): SessionKind => (isRoom(id) ? 'room' : 'socket');

  const act = async (step: Step, nonce: string, owned: OwnedById): Promise<unknown> => {
    const { id, node, isConnected, restarts } = step;
    const { directory, link } = fleet[node]!;
    const caller = { id: 'ada', maxSessions: CALLER_LIMIT };
    const kind = kindOf(id);
    switch (step.do) {
      case 'open': {
        const session = { id, transport: 't', kind, caller, ttlMs: 60_000, isConnected } as const;
        return directory.open(session, nonce).catch((error: { code: string }) => error.code);
      }
      case 'claim':
        return (await directory.claim(id, ['t'], nonce)).outcome;
      case 'record':
        return directory.recordRoom(id, roomOf(restarts));
      case 'end':
        return directory.end({ id, epoch: owned.get(id)?.epoch, code: 'completed', nonce });
      case 'hand on':
        return directory.handOn(id, owned.get(id)!.epoch);
      case 'reap':
        await link.client.hset(`${link.prefix}meta`, 'grace', 0);
        await link.client.zadd(`${link.prefix}nodes`, 0, NODES[node]!);
        await fleet[(node + 1) % NODES.length]!.directory.reap(NODES[node]!);
        return undefined;
      case 'abandon':
        return directory.abandon(id);
      case 'bury':
        return directory.end({ id, code: 'lost', only: 'lost', nonce });
      case 'announce': {
        const session = { transport: 't', caller, ageMs: 0, ttlMs: 0 } as const;
        const sessions = [...owned].map(([one, known]) => ({
          ...{ ...session, ...known, id: one, kind: kindOf(one) },
        }));
        return Object.fromEntries(await directory.announce(sessions, true));
      }
      default:
        await empty();
        return undefined;
    }
  };

  it('answers and counts as its model does, also when an answer was lost and the script ran twice', async () => {
    let run = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
        run++;
        const model = new Model();
        await empty();
        const callerKey = /c:(.*)/;
        for (const [at, one] of steps.entries()) {
          // A forgotten id is not used by others: ids are random.
          const isForgotten = model.used.has(one.id) && !model.records.has(one.id);
          if (one.do === 'open' && isForgotten && !model.ended.has(one.id)) continue;
          if (one.do === 'open') model.used.add(one.id);
          const owned = new Map(model.owned[one.node]);
          if (one.do === 'record' && !isRoom(one.id)) continue;
          if (one.do === 'hand on' && !owned.has(one.id)) continue;
          const nonce = `${run} ${at}`;
          const outcomes = [await act(one, nonce, owned)];
          if (one.twice) outcomes.push(await act(one, nonce, owned));
          const expected = model.do(one);
          for (const outcome of outcomes)
            expect([at, one.do, outcome]).toEqual([at, one.do, expected]);
          const { bySet, byRecord } = await countsOf(fleet[0]!);
          expect(bySet).toEqual(byRecord);
          const key = Object.keys(bySet).find((name) => callerKey.test(name)) ?? 'c:';
          expect(bySet).toEqual(model.sets(key.slice(2)));
        }
      }),
      { numRuns: 200 },
    );
  });

  it('counts what its records say, and gives each session to one node, when all is done at once', async () => {
    let run = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 60 }), async (steps) => {
        run++;
        await empty();
        const claims = new Map<string, number>();
        await Promise.all(
          steps.map(async (one, at) => {
            if (one.do === 'empty' || (one.do === 'record' && !isRoom(one.id))) return;
            const isOwned = one.isConnected || one.do === 'hand on';
            const owned = new Map(isOwned ? [[one.id, { epoch: 1 }]] : []);
            const outcome = await act(one, `${run} ${at}`, owned);
            // The bot of a room is launched again on another node.
            if (isRoom(one.id)) return;
            const isWon = outcome === 'claimed' || (one.do === 'open' && outcome === 1);
            if (isWon) claims.set(one.id, (claims.get(one.id) ?? 0) + 1);
          }),
        );
        const { bySet, byRecord } = await countsOf(fleet[0]!);
        expect(bySet).toEqual(byRecord);
        expect([...claims.values()].filter((winners) => winners > 1)).toEqual([]);
        expect((bySet.idx ?? []).length).toBeLessThanOrEqual(8);
      }),
      { numRuns: 200 },
    );
  });
});
