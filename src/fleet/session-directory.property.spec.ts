import { afterAll, beforeAll, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { DirectoryModel, type Owned } from '../../test/support/directory-model.js';
import * as steps from '../../test/support/directory-steps.js';
import { countsOf, FleetTestNode } from '../../test/support/fleet-node.js';
import { describeWith } from '../../test/support/needs.js';
import { RedisServer } from '../../test/support/redis-server.js';
import { GIVE_BACK } from './scripts/give-back.script.js';

type OwnedById = ReadonlyMap<string, Owned>;

const EMPTY_TEXT = '{}';
const TTL_MS = 60_000;
/** Steps after which the counts are looked at: a wrong one stays wrong, and each look costs as much as some steps. */
const LOOK_AFTER = 5;
/** A busy machine makes fewer runs, and a failure is made smaller for as long at most. */
const RUNS = { numRuns: 120, interruptAfterTimeLimit: 25_000 };

describeWith('redis-server')('the directory of a fleet, whatever is done in whatever order', () => {
  let redis: RedisServer;
  const fleet: FleetTestNode[] = [];

  beforeAll(async () => {
    redis = await RedisServer.start();
    for (const [at, name] of steps.NODES.entries()) {
      const limits = { maxSessions: steps.FLEET_LIMIT, places: steps.NODE_LIMIT };
      const settings = { ...limits, onNodeLoss: steps.ON_NODE_LOSS[at] };
      fleet.push(await FleetTestNode.join(name, redis.url, settings));
    }
  });
  afterAll(async () => {
    for (const node of fleet) node.die();
    await redis.stop();
  });

  /** Makes Redis forget everything but a node that has places for rooms. */
  const empty = async (): Promise<void> => {
    const { client, prefix } = fleet[0]!.link;
    await Promise.all([
      client.flushall(),
      client.hset(`${prefix}places`, 'roomy', steps.ROOM_PLACES),
      client.zadd(`${prefix}nodes`, 1e15, 'roomy'),
    ]);
  };

  const copied = new Map<string, Buffer>();
  const copy = async (): Promise<void> => {
    const { client, prefix } = fleet[0]!.link;
    copied.clear();
    const copyOne = async (key: string) => copied.set(key, await client.dumpBuffer(key));
    await Promise.all((await client.keys(`${prefix}*`)).map(copyOne));
  };
  const failOver = async (): Promise<void> => {
    const { client } = fleet[0]!.link;
    await client.flushall();
    await Promise.all([...copied].map(([key, value]) => client.restore(key, 0, value)));
  };

  const describeSession = (id: string) => {
    const name = steps.callerOf(id);
    const caller = name && { id: name, maxSessions: steps.CALLER_LIMITS[name] };
    return { id, transport: 't', kind: steps.kindOf(id), caller, ttlMs: TTL_MS } as const;
  };

  /** Carries out a step. @returns its answer, with the epoch of a claim and the words of a refusal */
  const act = async (step: steps.Step, nonce: string, owned: OwnedById): Promise<unknown> => {
    const { id, node, restarts, code } = step;
    const { directory, link } = fleet[node]!;
    const epoch = owned.get(id)?.epoch;
    switch (step.do) {
      case 'open':
      case 'connect': {
        const session = { ...describeSession(id), isConnected: step.do === 'connect' };
        return directory.open(session, nonce).catch((error: Error) => error.message);
      }
      case 'connect alone':
        return undefined;
      case 'claim': {
        const claim = await directory.claim(id, ['t'], nonce);
        return claim.outcome === 'claimed' ? `claimed ${claim.epoch}` : claim.outcome;
      }
      case 'give back':
        await link.run(GIVE_BACK, id, steps.NODES[node]!, epoch!);
        return undefined;
      case 'record':
        return directory.recordRoom(id, { text: EMPTY_TEXT, restarts });
      case 'hand on':
        return directory.handOn(id, epoch!);
      case 'end':
        return directory.end({ id, epoch, code, nonce });
      case 'announce': {
        const sessions = [...owned].map(([one, known]) => {
          const room = known.room && { text: EMPTY_TEXT, ...known.room };
          return { ...describeSession(one), ageMs: 0, epoch: known.epoch, room };
        });
        return Object.fromEntries(await directory.announce(sessions, true));
      }
      case 'reap': {
        await link.client.zadd(`${link.prefix}nodes`, 0, steps.NODES[node]!);
        const other = fleet[(node + 1) % fleet.length]!.directory;
        const { lost = 0, restarted = [] } = (await other.reap(steps.NODES[node]!)) ?? {};
        return { lost, restarted: [...restarted].sort() };
      }
      case 'abandon':
        return directory.abandon(id);
      case 'bury':
        return directory.end({ id, code: 'lost', only: 'lost', nonce });
      case 'empty':
        return empty();
      case 'copy':
        return copy();
      case 'fail over':
        return failOver();
    }
  };

  const look = async (model: DirectoryModel, at: number): Promise<void> => {
    const { bySet, byRecord, states } = await countsOf(fleet[0]!);
    expect({ at, states, bySet }).toEqual({ at, states: model.states, bySet: byRecord });
  };

  it('answers and counts as its model does, also when an answer was lost and the script ran twice', async () => {
    let run = 0;
    await fc.assert(
      fc.asyncProperty(steps.interleavings, async (all) => {
        run++;
        const model = new DirectoryModel();
        await empty();
        for (const [at, step] of all.entries()) {
          if (!model.isPossible(step)) continue;
          const nonce = `${run} ${at}`;
          const owned = new Map(model.owned[step.node]);
          const answers = [await act(step, nonce, owned)];
          if (step.twice) answers.push(await act(step, nonce, owned));
          const expected = [model.do(step)];
          // Nothing is left to be reaped.
          if (step.twice) expected.push(step.do === 'reap' ? model.do(step) : expected[0]);
          expect([at, step.do, answers]).toEqual([at, step.do, expected]);
          if (at % LOOK_AFTER === 0) await look(model, at);
        }
        await look(model, all.length);
      }),
      RUNS,
    );
  });

  it('keeps its limits, counts what its records say, and gives each session to one node, when all is done at once', async () => {
    let run = 0;
    await fc.assert(
      fc.asyncProperty(steps.interleavings, fc.boolean(), async (all, announces) => {
        run++;
        await empty();
        const winners = new Map<string, number>();
        await Promise.all(
          all.map(async (step, at) => {
            const isRoomless = step.do === 'record' && !steps.isRoom(step.id);
            if (steps.isEvent(step) || isRoomless) return;
            // What was announced exists, and is beyond all limits.
            if (step.do === 'announce' && !announces) return;
            const answer = await act(step, `${run} ${at}`, new Map([[step.id, { epoch: 1 }]]));
            // The bot of a room is launched again on another node.
            if (steps.isRoom(step.id) || step.do === 'give back') return;
            const isWon = answer === 'claimed 1' || (step.do === 'connect' && answer === 1);
            if (isWon) winners.set(step.id, (winners.get(step.id) ?? 0) + 1);
          }),
        );
        const { bySet, byRecord } = await countsOf(fleet[0]!);
        expect(bySet).toEqual(byRecord);
        expect([...winners.values()].filter((count) => count > 1)).toEqual([]);
        if (announces) return;
        const sizes = Object.entries(bySet).map(([set, ids]) => [set, ids.length] as const);
        for (const [set, size] of sizes) {
          if (set === 'idx') expect(size).toBeLessThanOrEqual(steps.FLEET_LIMIT);
          if (set.startsWith('own:')) expect(size).toBeLessThanOrEqual(steps.NODE_LIMIT);
        }
        const open = bySet.idx ?? [];
        for (const [caller, limit] of Object.entries(steps.CALLER_LIMITS)) {
          const held = open.filter((id) => steps.callerOf(id) === caller);
          expect(held.length).toBeLessThanOrEqual(limit);
        }
      }),
      RUNS,
    );
  });
});
