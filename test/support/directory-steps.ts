import fc from 'fast-check';
import type { SessionKind } from '../../src/sessions/session-registry.js';

export const NODES = ['a', 'b', 'c'] as const;
/** Of each of them, for the rooms that it claims. */
export const ON_NODE_LOSS = ['restart', 'fail', 'restart'] as const;
export const FLEET_LIMIT = 5;
export const NODE_LIMIT = 2;
/** The most rooms that may wait for a bot. */
export const ROOM_PLACES = 2;
/** The most sessions of each caller, both less than {@link FLEET_LIMIT}. */
export const CALLER_LIMITS = { ada: 2, bob: 3 } as const;
type Caller = keyof typeof CALLER_LIMITS;

/** Callers of sessions 0, 1, 2, and so on: each has four, two of them rooms; `undefined` is nobody, whom only the limit of the fleet binds. */
const CALLERS: readonly (Caller | undefined)[] = ['ada', 'bob', undefined];
const IDS = Array.from({ length: 12 }, (_, at) => String(at));

export const callerOf = (id: string): Caller | undefined => CALLERS[Number(id) % CALLERS.length];
export const isRoom = (id: string): boolean => Number(id) >= IDS.length / 2;
export const kindOf = (id: string): SessionKind => (isRoom(id) ? 'room' : 'socket');

const VERBS = [
  ...(['open', 'connect', 'claim', 'give back', 'record', 'hand on', 'end', 'announce'] as const),
  ...(['reap', 'abandon', 'bury', 'connect alone'] as const),
];
/** What befalls Redis itself. */
const EVENTS = ['empty', 'copy', 'fail over'] as const;
/**
 * `connect` opens and claims in one step, `connect alone` without the directory; `record` writes down the room; `reap` takes the node for dead; `bury` reports
 * a lost session as ended; `empty` makes Redis forget everything, and `fail over` what has happened since `copy`.
 */
type Verb = (typeof VERBS | typeof EVENTS)[number];

export const isEvent = ({ do: what }: Step): boolean => EVENTS.some((one) => one === what);

/** One operation of a node. */
export interface Step {
  readonly do: Verb;
  readonly id: string;
  readonly node: number;
  /** True to launch the bot of a recorded room again when its node is dead. */
  readonly restarts: boolean;
  readonly code: 'completed' | 'lost';
  /** True for an announcement that was under way when a session ended or was given back, and still has it. */
  readonly isListed: boolean;
  /** True to do it twice, as after an answer that was lost. */
  readonly twice: boolean;
}

/** Lives of a session, in which nodes X and Y do what chance alone hardly ever brings about in this order. */
const ROOM_LIVES = [
  // Taken for dead, X comes back when Y runs the bot, or is about to.
  'open X, record X, claim X, reap X, claim Y, announce X, end X, end Y, announce X',
  'connect X, record X, reap X, announce X, end X, claim Y',
  'connect X, record X, reap X, end X, claim Y, announce X',
  'connect X, record X, hand on X, claim Y, announce X, end Y',
  'connect X, record X, reap X, end Y, announce X, hand on X',
  // Both have run its bot under the same epoch: the copy that takes over lacks the first claim.
  'open X, record X, copy X, claim X, fail over X, claim Y, hand on X, give back X, announce X',
  // The copy has an older epoch, of another node or of the same.
  'connect X, record X, copy X, reap X, claim Y, fail over X, announce Y, announce X, end Y',
  'connect X, record X, copy X, reap X, claim X, fail over X, announce X, announce X, end X',
  'connect X, record X, copy X, reap X, claim X, fail over X, give back X, claim Y',
];
const LIVES = [
  // Taken for dead, X comes back before the session is given up, or after it.
  'connect X, reap X, announce X, end X, announce X',
  'connect X, reap X, bury Y, announce X, reap X, announce X',
  'connect X, reap X, bury Y, announce X, abandon Y, end X',
  'connect X, abandon Y, announce X, abandon Y, bury Y',
  'open X, claim Y, give back Y, announce Y, claim X, end Y',
  'open X, end Y, open X, claim Y',
  // Both have the same epoch: the copy lacks the first claim.
  'open X, copy X, claim X, fail over X, claim Y, announce X, announce Y, end X, end Y',
  // Redis learns of it late, or once more.
  'connect alone X, announce X, end X, announce X, open Y',
  'connect X, end X, empty Y, announce X, announce X',
];

/** Reads a life. @returns its verbs, each with 0 for node X, or 1 for node Y */
const verbsOf = (life: string): { verb: Verb; who: number }[] =>
  life.split(', ').map((text) => {
    const verb = [...VERBS, ...EVENTS].find((one) => one === text.slice(0, -2));
    if (!verb) throw new TypeError(`no step: ${text}`);
    return { verb, who: text.endsWith('X') ? 0 : 1 };
  });

const nodes = fc.nat({ max: NODES.length - 1 });
/** The order of all steps of a run, whatever they belong to. */
const time = (max: number): fc.Arbitrary<number> => fc.nat({ max });
const mostly = <T>(one: T, other: T): fc.Arbitrary<T> => fc.constantFrom(one, one, one, other);
const manner = fc.record({
  restarts: mostly(true, false),
  code: mostly<Step['code']>('completed', 'lost'),
  isListed: fc.boolean(),
  twice: fc.boolean(),
});

interface Timed {
  readonly at: number;
  readonly step: Step;
}

/** Single steps. */
const single: fc.Arbitrary<Timed[]> = fc
  .record({
    at: time(1_000),
    verb: fc.oneof(
      { weight: 39, arbitrary: fc.constantFrom(...VERBS) },
      { weight: 20, arbitrary: fc.constantFrom('open' as const, 'connect' as const) },
      { weight: 1, arbitrary: fc.constantFrom(...EVENTS) },
    ),
    id: fc.constantFrom(...IDS),
    node: nodes,
    manner,
  })
  .map(({ at, verb, id, node, manner: how }) => [{ at, step: { ...how, do: verb, id, node } }]);

const life = (lives: readonly string[], ids: readonly string[]): fc.Arbitrary<Timed[]> =>
  fc
    .record({
      verbs: fc.constantFrom(...lives.map(verbsOf)),
      id: fc.constantFrom(...ids),
      both: fc.shuffledSubarray([0, 1, 2], { minLength: 2, maxLength: 2 }),
      from: time(700),
      details: fc.array(fc.tuple(time(300), manner), { minLength: 9, maxLength: 9 }),
    })
    .map(({ verbs, id, both, from, details }) => {
      const times = details.map(([at]) => from + at).sort((a, b) => a - b);
      return verbs.map(({ verb, who }, at) => ({
        at: times[at]!,
        step: { ...details[at]![1], do: verb, id, node: both[who]! },
      }));
    });

/** Steps of many nodes and sessions, interleaved. */
export const interleavings: fc.Arbitrary<Step[]> = fc
  .array(
    fc.oneof(
      { weight: 6, arbitrary: single },
      { weight: 1, arbitrary: life(LIVES, IDS) },
      { weight: 1, arbitrary: life(ROOM_LIVES, IDS.filter(isRoom)) },
    ),
    { minLength: 5, maxLength: 50, size: 'max' },
  )
  .map((parts) =>
    parts
      .flat()
      .sort((one, other) => one.at - other.at)
      .map(({ step }) => step),
  );
