import { EventEmitter } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { RunnerServing } from './runner-serving.js';

let error: jest.SpiedFunction<Logger['error']>;
beforeEach(() => {
  error = jest.spyOn(Logger.prototype, 'error').mockImplementation(() => undefined);
});
afterEach(() => void jest.restoreAllMocks());

/** @param server the HTTP server of the application, where it has one */
function serving(server?: EventEmitter & { listening?: boolean }): RunnerServing {
  const host = new HttpAdapterHost();
  host.httpAdapter = (server && { getHttpServer: () => server }) as never;
  const it = new RunnerServing(host);
  it.onModuleInit();
  return it;
}

describe('RunnerServing', () => {
  it('begins when the HTTP server listens, once', () => {
    const server = new EventEmitter();
    const runner = serving(server);
    const start = jest.fn();
    runner.onServing('a part', start);
    expect(start).not.toHaveBeenCalled();
    server.emit('listening');
    runner.begin();
    expect(start).toHaveBeenCalledTimes(1);
    const late = jest.fn();
    runner.onServing('a late part', late);
    expect(late).toHaveBeenCalledTimes(1);
  });

  it('begins at once where the HTTP server listens already', () => {
    const runner = serving(Object.assign(new EventEmitter(), { listening: true }));
    const start = jest.fn();
    runner.onServing('a part', start);
    expect(start).toHaveBeenCalledTimes(1);
  });

  it('never begins without an HTTP server, nor after the end', () => {
    const runner = serving();
    const start = jest.fn();
    runner.onServing('a part', start);
    runner.onModuleDestroy();
    runner.begin();
    runner.onServing('a late part', start);
    expect(start).not.toHaveBeenCalled();
  });

  it('logs by its name what cannot start, and starts the rest', async () => {
    const runner = serving();
    runner.onServing('one', () => {
      throw new Error('no luck');
    });
    runner.onServing('two', () => Promise.reject(new Error('no luck either')));
    const start = jest.fn();
    runner.onServing('three', start);
    runner.begin();
    await new Promise((resolve) => setImmediate(resolve));
    expect(start).toHaveBeenCalledTimes(1);
    expect(error.mock.calls.map(([text]) => text as string)).toEqual([
      'one could not start: Error: no luck',
      'two could not start: Error: no luck either',
    ]);
  });
});
