import { afterEach, describe, expect, it } from '@jest/globals';
import { callBot, enterBot, type HeldLoop, leaveBot, watchLoop } from './event-loop.js';

const A = { id: 'a' };
const B = { id: 'b' };

const block = (ms: number): void => {
  const untilMs = performance.now() + ms;
  while (performance.now() < untilMs);
};
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const stops: (() => void)[] = [];
afterEach(() => stops.splice(0).forEach((stop) => stop()));

/** Watches, and keeps what it is told. */
function watch(warnMs: number): HeldLoop[] {
  const held: HeldLoop[] = [];
  stops.push(watchLoop({ warnMs, held: (one) => held.push(one) }));
  return held;
}

describe('the record of a held event loop', () => {
  it('names the bot whose call takes long, and not those that are called after it', () => {
    const held = watch(200);
    callBot(A, () => block(250));
    callBot(B, () => undefined);
    expect(held).toEqual([{ ms: expect.any(Number), user: A, isCertain: true }]);
    expect(held[0]!.ms).toBeGreaterThanOrEqual(250);
  });

  it('names the outer one of calls within another', () => {
    const held = watch(200);
    callBot(A, () => callBot(B, () => block(250)));
    expect(held.map(({ user }) => user)).toEqual([A]);
  });

  it('names a bot whose call throws, and knows that it is over', () => {
    const held = watch(200);
    const failing = (): never => {
      block(250);
      throw new Error('broken');
    };
    expect(() => callBot(A, failing)).toThrow('broken');
    callBot(B, () => block(250));
    expect(held.map(({ user }) => user)).toEqual([A, B]);
  });

  it('has the last bot in doubt for what follows its call, whoever is called next', async () => {
    const held = watch(200);
    callBot(A, () => void Promise.resolve().then(() => block(400)));
    await Promise.resolve();
    callBot(B, () => undefined);
    expect(held).toEqual([{ ms: expect.any(Number), user: A, isCertain: false }]);
  });

  it('names nobody for what a timer does long after a call', async () => {
    const held = watch(200);
    callBot(A, () => undefined);
    await sleep(150);
    block(400);
    await sleep(60);
    expect(held).toEqual([{ ms: expect.any(Number), user: undefined, isCertain: false }]);
  });

  it('is not made of times in which nothing happens', async () => {
    const held = watch(200);
    await sleep(600);
    callBot(A, () => undefined);
    expect(held).toEqual([]);
  });

  it('is told to each watcher from its own time on', () => {
    const soon = watch(100);
    const late = watch(1_000);
    callBot(A, () => block(150));
    expect([soon.length, late.length]).toEqual([1, 0]);
  });

  it('costs nothing, and tells nothing, when nobody watches', () => {
    watch(100);
    stops.splice(0).forEach((stop) => stop());
    const entered = enterBot(A);
    leaveBot(entered);
    expect(entered).toBe(false);
    block(150);
    // Those that come later are not told what happened before.
    const held = watch(100);
    callBot(A, () => undefined);
    expect(held).toEqual([]);
  });
});
