import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import type { LiveFunctionCall } from '../../../src/agents.js';
import { gemini, running } from '../../support/gemini-hooks.js';

/** A function of the provider that takes until it is released. */
function slowFunction() {
  let release!: (result: unknown) => void;
  let called!: (signal: AbortSignal) => void;
  const signal = new Promise<AbortSignal>((resolve) => (called = resolve));
  running.bot.orders.find = (_call: LiveFunctionCall, given: AbortSignal) => {
    called(given);
    return new Promise((resolve) => (release = resolve));
  };
  return { signal, release: (result: unknown) => release(result) };
}

const responses = (): unknown[] => {
  const all: unknown[] = [];
  gemini.on('toolResponse', (response) => all.push(response));
  return all;
};

async function connect() {
  const client = await running.host.connect();
  await client.ready();
  return { client, live: await gemini.connected() };
}

describe('functions that Gemini calls', () => {
  it('are those of a provider of the application', async () => {
    const { client, live } = await connect();
    const told = once(gemini, 'toolResponse');
    live.call('call-1', 'find_order', { order: 7 });
    expect(await told).toEqual([
      { id: 'call-1', name: 'find_order', response: { output: { order: 7, state: 'on its way' } } },
    ]);
    await client.heard(12_000);
  });

  it.each<[string, () => unknown, string]>([
    ['an error', () => Promise.reject(new Error('no such order')), 'no such order'],
    ['a result that is no JSON', () => ({ price: 5n }), 'Do not know how to serialize a BigInt'],
  ])('tell %s by its message', async (_, find, error) => {
    running.bot.orders.find = find;
    const { live } = await connect();
    const told = once(gemini, 'toolResponse');
    live.call('call-1', 'find_order', {});
    expect(await told).toEqual([{ id: 'call-1', name: 'find_order', response: { error } }]);
  });

  it('are refused by a bot that has none', async () => {
    running.bot.hasFunctions = false;
    const { live } = await connect();
    const told = once(gemini, 'toolResponse');
    live.call('call-1', 'find_order', {});
    expect(await told).toMatchObject([{ response: { error: 'This bot has no functions.' } }]);
  });

  it('are told nothing of when the model has cancelled them', async () => {
    const { signal, release } = slowFunction();
    const { live } = await connect();
    const told = responses();
    live.call('call-1', 'find_order', {});
    const given = await signal;
    given.addEventListener('abort', () => {
      throw new Error('a listener fails');
    });
    expect(given.aborted).toBe(false);
    live.cancel('call-0', 'call-1');
    await once(given, 'abort');
    release({ order: 7 });
    await sleep(50);
    expect(told).toEqual([]);
    // Others go on.
    running.bot.orders.find = () => 'found';
    const next = once(gemini, 'toolResponse');
    live.call('call-2', 'find_order', {});
    expect(await next).toMatchObject([{ response: { output: 'found' } }]);
  });

  it('are cancelled when the caller leaves', async () => {
    const { signal, release } = slowFunction();
    const call = await running.host.call({ carrier: 'twilio' });
    const live = await gemini.connected();
    const told = responses();
    live.call('call-1', 'find_order', {});
    const given = await signal;
    const [aborted, closed] = [once(given, 'abort'), once(gemini, 'closed')];
    await call.hangUp();
    await aborted;
    await closed;
    release({ order: 7 });
    await sleep(50);
    expect(told).toEqual([]);
    expect(await running.end).toMatchObject({ code: 'peer_left' });
  });

  it('are cancelled when the connection to the model is lost', async () => {
    const { signal } = slowFunction();
    const { client, live } = await connect();
    live.call('call-1', 'find_order', {});
    const given = await signal;
    const aborted = once(given, 'abort');
    live.break();
    await aborted;
    const next = await gemini.connected(2);
    next.say();
    await client.heard(12_000);
  });

  it('are at most 100 at once', async () => {
    running.bot.orders.find = () => new Promise(() => undefined);
    const { live } = await connect();
    const told = once(gemini, 'toolResponse');
    for (let i = 1; i <= 101; i++) live.call(`call-${i}`, 'find_order', {});
    expect((await told)[0]).toMatchObject({
      id: 'call-101',
      response: { error: 'Too many calls at once.' },
    });
  });
});
