import { EventEmitter } from 'node:events';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { RunnerError } from '../errors/runner.error.js';
import { Capacity, StartQueue } from './admission.js';

afterEach(() => void jest.useRealTimers());

describe('Capacity', () => {
  it('remembers no principal without a session', () => {
    const capacity = new Capacity(10);
    const [ada, eve] = [{ id: 'ada' }, { id: 'eve' }];
    for (const principal of [ada, ada, eve, undefined]) capacity.take(principal);
    for (const principal of [ada, eve, undefined]) capacity.free(principal);
    expect(Reflect.get(capacity, 'byPrincipal')).toEqual(new Map([['ada', 1]]));
    capacity.free(ada);
    expect(Reflect.get(capacity, 'byPrincipal')).toEqual(new Map());
  });
});

describe('StartQueue', () => {
  const refusal = new RunnerError('AT_CAPACITY', 'full');

  it.each<[string, (queue: StartQueue<string>, socket: EventEmitter) => unknown]>([
    ['served', (queue) => queue.advance(() => true)],
    ['dismissed', (queue) => queue.dismiss(() => refusal)],
    ['too late', () => jest.advanceTimersByTime(1_000)],
    ['gone', (_queue, socket) => socket.emit('close')],
  ])('leaves no timer and no listener of a client that is %s', async (_, settle) => {
    jest.useFakeTimers();
    const queue = new StartQueue<string>({ startQueueMs: 1_000, maxQueuedStarts: 1 });
    const socket = Object.assign(new EventEmitter(), { destroyed: false });
    const waiting = queue.wait(() => 'a place', refusal, socket);
    expect([queue.length, queue.hasRoom, jest.getTimerCount()]).toEqual([1, false, 1]);
    settle(queue, socket);
    await Promise.allSettled([waiting]);
    expect([queue.length, queue.hasRoom, jest.getTimerCount()]).toEqual([0, true, 0]);
    expect(socket.listenerCount('close')).toBe(0);
  });
});
