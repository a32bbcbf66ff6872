import { describe, expect, it } from '@jest/globals';
import { LiveCalls } from './live-calls.js';
import { LiveConnection } from './live-connection.js';
import type { LiveConnect } from './live-module.js';

const ignore = (): void => undefined;

/** A connection to a model that the test plays, with what is told of it. */
async function connected() {
  let callbacks!: Parameters<LiveConnect>[0];
  const told: string[] = [];
  const connect = (async (given: typeof callbacks) => {
    callbacks = given;
    return { close: ignore };
  }) as unknown as LiveConnect;
  const connection = new LiveConnection(
    connect,
    undefined,
    new LiveCalls(undefined, ignore, ignore),
    {
      message: ignore,
      error: (text) => told.push(text),
      lost: (why) => told.push(why),
    },
  );
  await connection.opened();
  return { callbacks, told };
}

describe('a connection to a Gemini model', () => {
  it('tells two hundred characters of an error of the model, and of why it was closed', async () => {
    const { callbacks, told } = await connected();
    callbacks.onerror({ message: 'x'.repeat(100_000) });
    callbacks.onclose({ code: 1011, reason: 'y'.repeat(100_000) });
    expect(told).toEqual(['x'.repeat(200), `1011 ${'y'.repeat(195)}`]);
  });
});
