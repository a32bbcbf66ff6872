import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { SessionEndCode } from '../../src/bot/session-end.js';
import { FakeCarrierApi } from '../support/fake-carrier-api.js';
import { FakeDaily } from '../support/fake-daily.js';
import type { Platform } from '../support/runner-app.js';
import { FaultHost } from './fault-host.js';
import type { Random } from './random.js';

/** Expected outcome of a session, by the faults injected into it. */
export interface Outcome {
  /** In its body. */
  readonly tag: string;
  /** Description of the faults, for messages. */
  readonly what: string;
  /** Accepted end codes. */
  readonly allowed: readonly SessionEndCode[];
  /** Largest number of sessions. @default 1 */
  readonly upTo?: number;
  /** True when the session may not exist at all. */
  readonly optional?: boolean;
}

const LIVEKIT_KEYS = { apiKey: 'devkey', apiSecret: 'a-secret-of-at-least-thirty-two-characters' };

/** A runner in a process of its own, and everyone it deals with. */
export class World {
  private tags = 0;
  /** The next requests to LiveKit's server, one each. */
  readonly livekitTroubles: (number | 'hang' | 'cut')[] = [];
  host!: FaultHost;

  private constructor(
    readonly random: Random,
    readonly daily: FakeDaily,
    readonly carrierApi: FakeCarrierApi,
    private readonly livekit: Server,
  ) {}

  static async create(random: Random): Promise<World> {
    const livekit = createServer((incoming, response) => {
      const trouble = world.livekitTroubles.shift();
      incoming.resume();
      if (trouble === 'hang') return;
      if (trouble === 'cut') return void incoming.socket.destroy();
      response.writeHead(trouble ?? 200, { 'content-type': 'application/json' });
      response.end(trouble ? '{"msg":"told to"}' : '{"name":"room"}');
    }).listen(0, '127.0.0.1');
    await once(livekit, 'listening');
    const world = new World(random, await FakeDaily.start(), await FakeCarrierApi.start(), livekit);
    return world;
  }

  async startHost(platform: Platform, lastWords?: string): Promise<FaultHost> {
    const { port } = this.livekit.address() as AddressInfo;
    return (this.host = await FaultHost.start({
      platform,
      lastWords,
      credentials: this.carrierApi.credentials,
      daily: { apiKey: this.daily.apiKey, apiUrl: this.daily.apiUrl },
      livekit: { url: `ws://127.0.0.1:${port}`, ...LIVEKIT_KEYS },
    }));
  }

  get livekitKeys() {
    return LIVEKIT_KEYS;
  }

  newTag(): string {
    return `tag-${this.tags++}`;
  }

  /** Asks the runner, over a connection of its own. @returns `undefined` when it breaks */
  async ask(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<{ status: number; sessionId: unknown; json: Record<string, unknown> } | undefined> {
    const sent = request(this.host.url + path, {
      method,
      agent: false,
      headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
    });
    sent.end(body === undefined ? undefined : JSON.stringify(body));
    try {
      const [response] = (await once(sent, 'response')) as [IncomingMessage];
      const answer = await text(response);
      return {
        status: response.statusCode!,
        sessionId: response.headers['x-session-id'],
        json: (answer.startsWith('{') ? JSON.parse(answer) : {}) as Record<string, unknown>,
      };
    } catch {
      return undefined;
    }
  }

  /** Announces a session. @returns what is answered, and the session's id, where it was not refused */
  async start(
    transport: string,
    body: object,
    more: object = {},
  ): Promise<Record<string, unknown> | undefined> {
    const answer = await this.ask('POST', '/start', { transport, body, ...more });
    return answer?.status === 200 ? { ...answer.json, sessionId: answer.sessionId } : undefined;
  }

  stop(sessionId: unknown): Promise<unknown> {
    return this.ask('DELETE', `/sessions/${String(sessionId)}`);
  }

  async close(): Promise<void> {
    this.livekit.close();
    this.livekit.closeAllConnections();
    await Promise.all([this.daily.close(), this.carrierApi.close(), once(this.livekit, 'close')]);
  }
}
