import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { INestApplication, LogLevel } from '@nestjs/common';
import type { AbstractHttpAdapter } from '@nestjs/core';
import type { WebSocket } from 'ws';
import { type Session } from '../sessions/session.js';
import { RunnerDrain } from '../sessions/runner-drain.js';
import { SessionRegistry } from '../sessions/session-registry.js';
import { BUILT_IN, type CarrierName } from '../transports/telephony/carriers/index.js';
import { connectClient, type FakeClient } from './connect-client.js';
import { readConnectXml } from './connect-xml.js';
import { applicationOf, type HostSource, isApplication } from './host-source.js';
import { dialectOf, type FakeCall, placeCall, type PlaceCallOptions } from './place-call.js';

/** Options of {@link startHost}. */
export interface StartHostOptions {
  /** Configures the application before it listens, such as with a global prefix. */
  readonly configure?: (app: INestApplication) => void | Promise<void>;
  /** HTTP adapter of an application that is created here. @default Fastify if it is installed, otherwise Express */
  readonly adapter?: AbstractHttpAdapter;
  /** Log levels of an application that is created here. @default ['error', 'warn'] */
  readonly logger?: LogLevel[] | false;
  /** Base path of the runner: the application's prefix and the `path` option, such as `/voice`. @default '' */
  readonly path?: string;
  /** Key for starting sessions, if the runner requires one. */
  readonly key?: string;
}

/**
 * Starts an application with a runner on a free loopback port.
 * @param source a module, a `TestingModule` or its builder with overrides, or the application, which may listen already
 *
 * @example
 * ```ts
 * const bot = new RecordingLauncher();
 * const host = await startHost(
 *   Test.createTestingModule({ imports: [AppModule] }).overrideProvider(BotLauncher).useValue(bot),
 * );
 * ```
 */
export async function startHost(
  source: HostSource,
  { configure, adapter, logger = ['error', 'warn'], path = '', key }: StartHostOptions = {},
): Promise<TestHost> {
  const app = isApplication(source) ? source : await applicationOf(source, { adapter, logger });
  try {
    await configure?.(app);
    const server = app.getHttpServer() as Server;
    if (!server.listening) await app.listen(0, '127.0.0.1');
    return new TestHost(app, `${originOf(server)}${path}`, key);
  } catch (error) {
    // The caller has no reference to close it.
    if (app !== source) await app.close();
    throw error;
  }
}

function originOf(server: Server): string {
  const { address, family, port } = server.address() as AddressInfo;
  const host = family === 'IPv6' ? '[::1]' : address === '0.0.0.0' ? '127.0.0.1' : address;
  return `http://${host}:${port}`;
}

/** Options of {@link TestHost.ring}. */
export interface RingOptions {
  readonly carrier: Exclude<CarrierName, 'exotel' | 'vonage' | 'genesys'>;
  /** @default '+15550001' */
  readonly from?: string;
  /** @default '+15550002' */
  readonly to?: string;
  /** Path of the carrier's webhook, below the runner. @default `/telephony/<carrier>` */
  readonly path?: string;
  /** Headers of the webhook, such as its signature. @default none */
  readonly headers?: (
    url: string,
    fields: Readonly<Record<string, string>>,
    body: string,
  ) => Record<string, string> | Promise<Record<string, string>>;
}

/** The outcome of {@link TestHost.ring}. */
export interface RingAnswer {
  /** The answer of the webhook. */
  readonly xml: string;
  /** The call, unless it was refused. */
  readonly call: FakeCall | undefined;
}

/** Options of {@link TestHost.follow}. */
export type FollowOptions = Pick<PlaceCallOptions, 'carrier' | 'callId' | 'from' | 'to'>;

/** Application under test, with clients and carriers for its bot. */
export class TestHost {
  private readonly sockets: WebSocket[] = [];

  /** @internal use {@link startHost} */
  constructor(
    readonly app: INestApplication,
    /** Base URL of the runner. */
    readonly url: string,
    private readonly key?: string,
  ) {}

  /** Sends `POST /start`. @returns the answer, and `sessionId` on every transport @throws when the start is refused, with the reason */
  async start(request: Record<string, unknown>): Promise<Record<string, unknown>> {
    const response = await fetch(`${this.url}/start`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(this.key !== undefined && { authorization: `Bearer ${this.key}` }),
      },
      body: JSON.stringify(request),
    });
    const answer = (await response.json()) as Record<string, unknown>;
    if (response.ok) return { sessionId: response.headers.get('x-session-id'), ...answer };
    throw new Error(`POST /start answered ${response.status}: ${String(answer.detail)}`);
  }

  /** Calls the bot by phone. @param body the session's `body` */
  async call({
    body,
    ...options
  }: Omit<PlaceCallOptions, 'url'> & { body?: unknown }): Promise<FakeCall> {
    const { wsUrl, token } = await this.start({ transport: options.carrier, body });
    const url = this.local(wsUrl);
    return this.keep(
      await placeCall({ ...options, url: typeof token === 'string' ? `${url}/${token}` : url }),
    );
  }

  /**
   * Simulates an incoming call: sends the carrier's webhook, and connects the call as the answer says.
   * @throws when the webhook is answered with an error, with the reason
   */
  async ring({
    carrier,
    from = '+15550001',
    to = '+15550002',
    path = `/telephony/${carrier}`,
    headers = () => ({}),
  }: RingOptions): Promise<RingAnswer> {
    const { callId } = dialectOf(carrier).newIds();
    const { callIdField = 'CallSid' } = BUILT_IN.find(carrier)?.webhook ?? {};
    const fields = { From: from, To: to, [callIdField]: callId };
    const url = `${this.url}${path}`;
    const body = new URLSearchParams(fields).toString();
    const response = await fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        ...(await headers(url, fields, body)),
      },
      body,
    });
    const xml = await response.text();
    if (!response.ok) throw new Error(`POST ${path} answered ${response.status}: ${xml}`);
    return { xml, call: await this.follow(xml, { carrier, callId, from, to }) };
  }

  /** Connects a call as an XML document says; `undefined` when it connects the call to no media stream. */
  async follow(xml: string, options: FollowOptions): Promise<FakeCall | undefined> {
    const connect = readConnectXml(xml);
    if (!connect) return undefined;
    const { carrier, callId, from, to } = options;
    const { customParameters } = connect;
    const numbers = dialectOf(carrier).tellsNumbers ? { from, to } : {};
    return this.keep(
      await placeCall({
        carrier,
        callId,
        ...numbers,
        url: this.local(connect.url),
        customParameters,
      }),
    );
  }

  /** Connects to the bot as a WebSocket client. @param body the session's `body` */
  async connect({ body }: { body?: unknown } = {}): Promise<FakeClient> {
    const { wsUrl, token } = await this.start({ transport: 'websocket', body });
    return this.keep(
      await connectClient(this.local(wsUrl), { token: token as string | undefined }),
    );
  }

  /** Returns a session that has not ended, by its id. */
  session(id: string): Session | undefined {
    return this.all(SessionRegistry).flatMap((sessions) => sessions.get(id) ?? [])[0];
  }

  /** Ends all sessions and connections at once, and closes the application. */
  async close(): Promise<void> {
    for (const drain of this.all(RunnerDrain)) drain.expedite();
    // One that a test has paused would not answer the close.
    for (const socket of this.sockets) socket.resume();
    await this.app.close();
    for (const socket of this.sockets) socket.terminate();
  }

  private keep<T extends { readonly socket: WebSocket }>(peer: T): T {
    this.sockets.push(peer.socket);
    return peer;
  }

  /** Replaces the public host of a WebSocket URL with this one. */
  private local(wsUrl: unknown): string {
    const { pathname, search } = new URL(String(wsUrl));
    return `ws://${new URL(this.url).host}${pathname}${search}`;
  }

  /** Returns a provider of each runner in the application. */
  private all<T>(token: abstract new (...args: never[]) => T): T[] {
    try {
      return this.app.get<T>(token, { strict: false, each: true });
    } catch {
      // The application has no runner.
      return [];
    }
  }
}
