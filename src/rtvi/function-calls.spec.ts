import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { RtviClient, tick } from '../../test/support/rtvi-client.js';
import { FunctionCallError } from './function-calls.js';
import { RtviSession } from './rtvi-session.js';

let client: RtviClient;
let rtvi: RtviSession;
beforeEach(async () => {
  jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate'] });
  client = new RtviClient();
  rtvi = new RtviSession(client.transport);
  await tick();
});
afterEach(() => {
  client.transport.close();
  expect(jest.getTimerCount()).toBe(0);
  jest.useRealTimers();
});

const callOf = (name = 'get_location') =>
  client.received.findLast(
    ({ type, data }) => type.endsWith('in-progress') && data!.function_name === name,
  )!.data!;

/** The client answers a call. */
function answer(
  result: unknown,
  { tool_call_id, function_name, arguments: args } = callOf(),
): void {
  const data = { tool_call_id, function_name, arguments: args, result };
  client.send('llm-function-call-result', data);
}

describe('a function of the client', () => {
  it.each([{ city: 'Ulm' }, 'Ulm', {}])('is called and answers %j', async (result) => {
    client.ready();
    const called = rtvi.callFunction('get_location', { precise: true });
    const { tool_call_id } = callOf();
    answer(result);
    expect(await called).toEqual(result);
    expect(client.received.slice(1)).toEqual([
      { type: 'llm-function-call-started', data: { function_name: 'get_location' } },
      {
        type: 'llm-function-call-in-progress',
        data: { function_name: 'get_location', tool_call_id, arguments: { precise: true } },
      },
      {
        type: 'llm-function-call-stopped',
        data: { function_name: 'get_location', tool_call_id, cancelled: false, result },
      },
    ]);
  });

  it('is called once the client is ready', async () => {
    const called = rtvi.callFunction('get_location');
    expect(client.received).toEqual([]);
    client.ready();
    answer('Ulm');
    expect(await called).toBe('Ulm');
  });

  it('is called several times at once', async () => {
    client.ready();
    const [a, b] = ['a', 'b'].map((name) => rtvi.callFunction(name));
    answer('of b', callOf('b'));
    answer('of a', callOf('a'));
    expect(await Promise.all([a, b])).toEqual(['of a', 'of b']);
  });

  it('that does not answer in time is cancelled', async () => {
    client.ready();
    const called = rtvi.callFunction('get_location', {}, { timeoutMs: 500 });
    const error = called.catch((thrown: unknown) => thrown);
    jest.advanceTimersByTime(499);
    expect(client.received.at(-1)!.type).toMatch(/in-progress/);
    jest.advanceTimersByTime(1);
    expect(await error).toMatchObject({ name: 'FunctionCallError', code: 'timeout' });
    expect(client.received.at(-1)!.data).toMatchObject({ cancelled: true });
    answer('too late');
    expect(client.failures).toEqual([]);
  });

  it('is cancelled by an AbortSignal', async () => {
    client.ready();
    const bargeIn = new AbortController();
    const called = rtvi.callFunction('get_location', {}, { signal: bargeIn.signal });
    bargeIn.abort(new Error('barge-in'));
    await expect(called).rejects.toThrow('barge-in');
    expect(client.received.at(-1)!.data).toMatchObject({ cancelled: true });
    await expect(rtvi.callFunction('get_location', {}, { signal: bargeIn.signal })).rejects.toThrow(
      'barge-in',
    );
  });

  it('is cancelled by the end of the connection, whose event the bot still gets', async () => {
    client.ready();
    const called = rtvi.callFunction('get_location');
    client.connection.events.disconnected({ reason: 'peer_left', message: 'gone' });
    await expect(called).rejects.toMatchObject({ code: 'ended' });
    await expect(rtvi.callFunction('get_location')).rejects.toMatchObject({ code: 'ended' });
    const ends: unknown[] = [];
    client.transport.on('disconnected', (end) => ends.push(end.reason));
    await tick();
    expect(ends).toEqual(['peer_left']);
  });

  it('cannot be called where there are no messages', async () => {
    const { connection } = client;
    connection.capabilities = { ...connection.capabilities, messages: false };
    const error: unknown = await rtvi.callFunction('f').catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(FunctionCallError);
    expect(error).toMatchObject({ code: 'not_sent' });
  });

  it.each([Object.create(null), Symbol('f'), undefined])(
    'cannot be called by a name that is no text: %p',
    async (name) => {
      const called = rtvi.callFunction(name as string, {}, { timeoutMs: 10 });
      await expect(called).rejects.toThrow('the name of a function must be a string');
    },
  );

  it('cannot be called with arguments that are no JSON, nor while a hundred calls wait', async () => {
    const endless: Record<string, unknown> = {};
    endless.self = endless;
    await expect(rtvi.callFunction('f', endless)).rejects.toThrow(TypeError);
    const calls = Array.from({ length: 101 }, () =>
      rtvi.callFunction('f').catch(({ code }: FunctionCallError) => code),
    );
    expect(await calls.at(-1)).toBe('not_sent');
    client.transport.close();
    expect(new Set(await Promise.all(calls.slice(0, -1)))).toEqual(new Set(['ended']));
  });

  it.each([0, -1, NaN, Infinity, 2 ** 31])('has no time-out of %d ms', async (timeoutMs) => {
    await expect(rtvi.callFunction('f', {}, { timeoutMs })).rejects.toThrow(/timeoutMs must be/);
  });

  it.each([
    [7, /result must be an object or a string/],
    [['a'], /result must be an object or a string/],
    [null, /result must be an object or a string/],
  ])('that answers %j is refused, as Pipecat does', async (result, message) => {
    client.ready();
    const called = rtvi.callFunction('get_location', {}, { timeoutMs: 1 });
    const code = called.catch((error: FunctionCallError) => error.code);
    answer(result);
    expect(client.received.at(-1)).toMatchObject({
      type: 'error-response',
      data: { error: expect.stringMatching(message) },
    });
    jest.advanceTimersByTime(1);
    expect(await code).toBe('timeout');
  });
});
