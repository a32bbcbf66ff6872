import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { Server } from 'node:http';
import {
  type DynamicModule,
  type INestApplication,
  Module,
  type ModuleMetadata,
} from '@nestjs/common';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { NestFactory } from '@nestjs/core';
import WebSocket, { type RawData } from 'ws';
import {
  RunnerDrain,
  RunnerModule,
  type RunnerModuleExtras,
  type RunnerOptions,
} from '../../src/index.js';
import { EXTRAS } from '../../src/runner-module.options.js';
import { RunnerWebSocket } from '../../src/websocket/runner-web-socket.js';

export type Platform = 'fastify' | 'express';
export const PLATFORMS: Platform[] = ['fastify', 'express'];
export const WAYS = ['forRoot', 'forRootAsync'] as const;

export interface RunningApp {
  readonly app: INestApplication;
  /** `http://127.0.0.1:<port>`. */
  readonly url: string;
  /** `ws://127.0.0.1:<port>`. */
  readonly wsUrl: string;
}

/** The same module by either way of configuring it. */
export function runnerModule(
  way: (typeof WAYS)[number],
  given: RunnerOptions & RunnerModuleExtras,
): DynamicModule {
  const [extras, options] = [true, false].map((isExtra) =>
    Object.fromEntries(Object.entries(given).filter(([name]) => EXTRAS.includes(name) === isExtra)),
  ) as [RunnerModuleExtras, RunnerOptions];
  return way === 'forRoot'
    ? RunnerModule.forRoot(given)
    : RunnerModule.forRootAsync({ ...extras, useFactory: async () => options });
}

/** Starts a host application on a free loopback port. */
export async function startApp(
  platform: Platform,
  imports: NonNullable<ModuleMetadata['imports']>,
  configure: (app: INestApplication) => void = () => undefined,
  metadata: Omit<ModuleMetadata, 'imports'> = {},
  { port = 0, waits = false } = {},
): Promise<RunningApp> {
  @Module({ imports, ...metadata })
  class HostModule {}
  const adapter = platform === 'fastify' ? new FastifyAdapter() : new ExpressAdapter();
  const app = await NestFactory.create(HostModule, adapter, { logger: false, abortOnError: false });
  configure(app);
  return listen(app, waits, port);
}

const running = new Set<INestApplication>();

/** Closes all applications that {@link startApp} and {@link listen} have started. */
export async function closeApps(): Promise<void> {
  const apps = [...running];
  running.clear();
  await Promise.all(apps.map((app) => app.close()));
}

/** Starts an application on a loopback port. @param waits whether closing it waits for conversations to end @param at port; 0 is a free one */
export async function listen(app: INestApplication, waits = false, at = 0): Promise<RunningApp> {
  await app.listen(at, '127.0.0.1');
  running.add(app);
  if (!waits) {
    for (const drain of app.get(RunnerDrain, { strict: false, each: true })) drain.expedite();
  }
  const { port } = (app.getHttpServer() as Server).address() as AddressInfo;
  return { app, url: `http://127.0.0.1:${port}`, wsUrl: `ws://127.0.0.1:${port}` };
}

/** POSTs JSON, or text as it is, and reads the JSON answer. */
export async function post(
  url: string,
  body: unknown = {},
  headers: Record<string, string> = {},
): Promise<{
  status: number;
  headers: Headers;
  /** That of the session, of a `/start`. */
  sessionId: string;
  json: Record<string, unknown>;
}> {
  const response = await fetch(url, {
    method: 'POST',
    body: typeof body === 'string' ? body : JSON.stringify(body),
    headers: { 'content-type': 'application/json', ...headers },
  });
  return {
    status: response.status,
    headers: response.headers,
    sessionId: String(response.headers.get('x-session-id')),
    json: (await response.json()) as Record<string, unknown>,
  };
}

/** An open client socket, which keeps what comes until somebody listens: the first messages may come with the upgrade's answer. */
export async function connect(
  url: string,
  options: WebSocket.ClientOptions = {},
): Promise<WebSocket> {
  const socket = new RunnerWebSocket(url, options);
  socket.hold();
  await once(socket, 'open');
  return socket;
}

/** Connects, and resolves with what the socket is closed with. */
export async function closeOf(
  target: string | WebSocket,
  options: WebSocket.ClientOptions = {},
): Promise<{ code: number; reason: string }> {
  const socket = typeof target === 'string' ? new WebSocket(target, options) : target;
  const [code, reason] = (await once(socket, 'close')) as [number, Buffer];
  return { code, reason: reason.toString() };
}

/** The next message, as text. */
export async function nextText(socket: WebSocket): Promise<string> {
  const [data] = (await once(socket, 'message')) as [RawData];
  return (data as Buffer).toString();
}
