import { afterAll, beforeAll, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { describeWith } from '../../test/support/needs.js';
import { countsOf, FleetTestNode } from '../../test/support/fleet-node.js';
import { RedisServer } from '../../test/support/redis-server.js';

const NODES = ['a', 'b', 'c'];
const FLEET_LIMIT = 5;
const CALLER_LIMIT = 4;
const NODE_LIMIT = 2;

const ids = fc.constantFrom('1', '2', '3', '4', '5', '6', '7', '8');
const nodes = fc.nat({ max: NODES.length - 1 });
/** Each step is done twice now and then, as after an answer that was lost: with the same outcome. */
const step = fc.record({
  do: fc.constantFrom(
    ...['open', 'open', 'claim', 'claim', 'end', 'reap', 'abandon', 'announce', 'bury', 'empty'],
  ),
  id: ids,
  node: nodes,
  isConnected: fc.boolean(),
  twice: fc.boolean(),
});
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

interface Modelled {
  state: 'pending' | 'active' | 'lost';
  owner: number;
}

/** The fleet as it should be. */
class Model {
  readonly records = new Map<string, Modelled>();
  readonly ended = new Map<string, 'lost' | 'ended'>();
  /** Sessions that each node believes to own. */
  readonly owned = NODES.map(() => new Set<string>());
  /** Ids are never used again, also by those who forgot them. */
  readonly used = new Set<string>();

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
      lost: this.all('lost'),
      ...Object.fromEntries(NODES.map((name, at) => [`own:${name}`, this.all('active', at)])),
    };
    return Object.fromEntries(Object.entries(sets).filter(([, held]) => held.length > 0));
  }

  do({ do: what, id, node, isConnected }: Step): unknown {
    const record = this.records.get(id);
    const owned = this.owned[node]!;
    const isFull = this.all('active', node).length >= NODE_LIMIT;
    switch (what) {
      case 'open':
        if (record || this.ended.has(id)) return 'WRONG_STATE';
        if (this.open.length >= Math.min(FLEET_LIMIT, CALLER_LIMIT)) return 'AT_CAPACITY';
        if (isConnected && isFull) return 'AT_CAPACITY';
        this.records.set(id, { state: isConnected ? 'active' : 'pending', owner: node });
        if (isConnected) owned.add(id);
        return isConnected ? 1 : 0;
      case 'claim':
        if (!record) return 'missing';
        if (record.state !== 'pending') return 'taken';
        if (isFull) return 'node_full';
        owned.add(id);
        this.records.set(id, { state: 'active', owner: node });
        return 'claimed';
      case 'end': {
        const isOwner = owned.delete(id);
        if (!record && this.ended.has(id)) return 'gone';
        if (record && record.state !== 'pending' && !isOwner) return 'fenced';
        this.records.delete(id);
        this.ended.set(id, 'ended');
        return 'ended';
      }
      case 'reap':
        for (const lost of this.all('active', node)) this.records.get(lost)!.state = 'lost';
        return undefined;
      case 'abandon':
        if (record?.state === 'active') record.state = 'lost';
        if (record || !this.ended.has(id)) return undefined;
        return this.ended.get(id) === 'lost' ? 'lost' : 'completed';
      case 'bury':
        if (record?.state !== 'lost') return record ? 'changed' : 'gone';
        this.records.delete(id);
        this.ended.set(id, 'lost');
        return 'ended';
      case 'announce':
        return Object.fromEntries([...owned].map((one) => [one, this.announce(one, node)]));
      default:
        this.records.clear();
        this.ended.clear();
        this.buried.clear();
        return undefined;
    }
  }

  private readonly buried = new Set<string>();

  private announce(id: string, owner: number): string {
    const record = this.records.get(id);
    const ended = this.ended.get(id);
    if (!record && ended === 'ended') return 'gone';
    if (!record && ended === 'lost') this.buried.add(id);
    this.records.set(id, { state: 'active', owner });
    return this.buried.has(id) ? 'buried' : 'kept';
  }
}

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

  const act = async (step: Step, nonce: string, owned: ReadonlySet<string>): Promise<unknown> => {
    const { id, node, isConnected } = step;
    const { directory, link } = fleet[node]!;
    const caller = { id: 'ada', maxSessions: CALLER_LIMIT };
    const kind = 'socket';
    switch (step.do) {
      case 'open': {
        const session = { id, transport: 't', kind, caller, ttlMs: 60_000, isConnected } as const;
        return directory.open(session, nonce).catch((error: { code: string }) => error.code);
      }
      case 'claim':
        return (await directory.claim(id, ['t'], nonce)).outcome;
      case 'end': {
        const epoch = owned.has(id) ? 1 : undefined;
        return directory.end({ id, epoch, code: 'completed', nonce });
      }
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
        const session = { transport: 't', kind, caller, epoch: 1, ageMs: 0, ttlMs: 0 } as const;
        const sessions = [...owned].map((one) => ({ ...session, id: one }));
        return Object.fromEntries(await directory.announce(sessions, true));
      }
      default:
        await link.client.flushall();
        return undefined;
    }
  };

  it('answers and counts as its model does, also when an answer was lost and the script ran twice', async () => {
    let run = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
        run++;
        const model = new Model();
        await fleet[0]!.link.client.flushall();
        const callerKey = /c:(.*)/;
        for (const [at, one] of steps.entries()) {
          // A forgotten id is not used by others: ids are random.
          const isForgotten = model.used.has(one.id) && !model.records.has(one.id);
          if (one.do === 'open' && isForgotten && !model.ended.has(one.id)) continue;
          if (one.do === 'open') model.used.add(one.id);
          const nonce = `${run} ${at}`;
          const owned = new Set(model.owned[one.node]);
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
  }, 60_000);

  it('counts what its records say, and gives each session to one node, when all is done at once', async () => {
    let run = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 60 }), async (steps) => {
        run++;
        await fleet[0]!.link.client.flushall();
        const claims = new Map<string, number>();
        await Promise.all(
          steps.map(async (one, at) => {
            if (one.do === 'empty') return;
            const outcome = await act(
              one,
              `${run} ${at}`,
              new Set(one.isConnected ? [one.id] : []),
            );
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
  }, 60_000);
});
