import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { DynamicModule, INestApplication, LogLevel, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { type Session } from '../sessions/session.js';
import { RunnerDrain } from '../sessions/runner-drain.js';
import { SessionRegistry } from '../sessions/session-registry.js';
import { connectClient, type FakeClient } from './connect-client.js';
import { type FakeCall, placeCall, type PlaceCallOptions } from './place-call.js';

/** How {@link startHost} starts the application. */
export interface StartHostOptions {
  /** What is done with the application before it listens, such as setting a global prefix. */
  readonly configure?: (app: INestApplication) => void | Promise<void>;
  /** What the application logs. @default ['error', 'warn'] */
  readonly logger?: LogLevel[] | false;
  /** Where the runner is: its `path` and the application's prefix, such as `/voice`. @default '' */
  readonly path?: string;
  /** The key that sessions are started with, where the runner wants one. */
  readonly key?: string;
}

/** Starts an application with a runner in it on a free loopback port, on Fastify. */
export async function startHost(
  module: Type<unknown> | DynamicModule,
  { configure, logger = ['error', 'warn'], path = '', key }: StartHostOptions = {},
): Promise<TestHost> {
  const { FastifyAdapter } = await import('@nestjs/platform-fastify');
  const app = await NestFactory.create(module, new FastifyAdapter(), {
    logger,
    abortOnError: false,
  });
  await configure?.(app);
  await app.listen(0, '127.0.0.1');
  const { port } = (app.getHttpServer() as Server).address() as AddressInfo;
  return new TestHost(app, `http://127.0.0.1:${port}${path}`, key);
}

/** An application under test, and the ways to talk to its bot. */
export class TestHost {
  /** @internal use {@link startHost} */
  constructor(
    readonly app: INestApplication,
    /** Where the runner is. */
    readonly url: string,
    private readonly key?: string,
  ) {}

  /** `POST /start`. @returns its answer @throws when it is refused, with the reason */
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
    if (response.ok) return answer;
    throw new Error(`POST /start answered ${response.status}: ${String(answer.detail)}`);
  }

  /** Calls the bot by phone. @param body what it finds in its `body` */
  async call({
    body,
    ...options
  }: Omit<PlaceCallOptions, 'url'> & { body?: unknown }): Promise<FakeCall> {
    const { wsUrl, token } = await this.start({ transport: options.carrier, body });
    const url = this.local(wsUrl);
    return placeCall({ ...options, url: typeof token === 'string' ? `${url}/${token}` : url });
  }

  /** Connects to the bot as a WebSocket client. @param body what it finds in its `body` */
  async connect({ body }: { body?: unknown } = {}): Promise<FakeClient> {
    const { wsUrl, token } = await this.start({ transport: 'websocket', body });
    return connectClient(this.local(wsUrl), { token: token as string | undefined });
  }

  /** A session that has not ended, by its id. */
  session(id: string): Session | undefined {
    const registries = this.app.get(SessionRegistry, { strict: false, each: true });
    return registries.map((registry) => registry.get(id)).find((session) => session !== undefined);
  }

  /** A WebSocket URL with this host in place of the public one. */
  private local(wsUrl: unknown): string {
    const { pathname, search } = new URL(String(wsUrl));
    return `ws://${new URL(this.url).host}${pathname}${search}`;
  }

  /** Ends all conversations at once, and the application. */
  async close(): Promise<void> {
    for (const drain of this.app.get(RunnerDrain, { strict: false, each: true })) drain.hurry();
    await this.app.close();
  }
}
