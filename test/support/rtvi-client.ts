import { expect } from '@jest/globals';
import { RtviSession } from '../../src/rtvi/rtvi-session.js';
import { MediaTransport } from '../../src/media/media-transport.js';
import { FakeMediaConnection } from './fake-media-connection.js';

/** An RTVI message of the bot, without the common label. */
export interface SentMessage {
  readonly type: string;
  readonly id?: string;
  readonly data?: Record<string, unknown>;
}

/** Fake RTVI client, and the transport of its bot. */
export class RtviClient {
  readonly connection = new FakeMediaConnection();
  /** Errors of the bot's own code. */
  readonly failures: unknown[] = [];
  readonly transport = new MediaTransport(
    this.connection,
    {},
    {
      warn: () => undefined,
      fail: (error) => this.failures.push(error),
      ended: () => undefined,
    },
  );

  /** Sends a message to the bot. */
  send(type: unknown, data?: unknown, id: unknown = 'm1'): void {
    this.connection.events.message({ label: 'rtvi-ai', type, id, data });
  }

  /** Sends `client-ready`. */
  ready(version = '2.2.0'): void {
    this.send('client-ready', { version, about: { library: 'test' } }, 'r1');
  }

  /** Messages of the bot so far. */
  get received(): SentMessage[] {
    return this.connection.sent.map((one) => {
      const { label, ...message } = (one as [string, SentMessage & { label: string }])[1];
      expect(label).toBe('rtvi-ai');
      return message;
    });
  }
}

/** Creates a client and the session of its bot. */
export async function rtviPair(): Promise<{ client: RtviClient; rtvi: RtviSession }> {
  const client = new RtviClient();
  const rtvi = new RtviSession(client.transport);
  await tick();
  return { client, rtvi };
}

/** Resolves once buffered events are delivered. */
export const tick = () => new Promise((resolve) => setImmediate(resolve));
