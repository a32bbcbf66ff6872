import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { WebSocketAdapter } from '@nestjs/common';
import type { HttpAdapterHost, ModulesContainer } from '@nestjs/core';
import { EMPTY } from 'rxjs';
import { WebSocket } from 'ws';
import { GatewayBinding, RunnerSocketAdapter } from './runner-socket-adapter.js';
import type { RunnerRef } from '../runner-ref.js';
import { bindGateway, RunnerGateway, SocketGateway } from './socket-gateway.js';
import { RunnerWebSocket } from './runner-web-socket.js';
import type { SocketSessions } from './socket-sessions.js';

const RUNNER: RunnerRef = { name: undefined, path: 'voice', isGlobal: false, modules: new Set() };

@RunnerGateway('ws')
class Gateway extends SocketGateway {
  readonly urls: (string | undefined)[] = [];
  warnings = 0;
  readonly sockets = { warnIfOpen: () => this.warnings++ } as unknown as SocketSessions;

  protected accept(socket: RunnerWebSocket, { url }: IncomingMessage): void {
    this.urls.push(url);
    socket.resume();
    socket.send('hello');
  }
}

bindGateway(Gateway, RUNNER);

describe('GatewayBinding', () => {
  let http: ReturnType<typeof createServer>;
  let adapter: RunnerSocketAdapter;
  const gateway = new Gateway();
  const module = { providers: new Map([['gateway', { instance: gateway }]]) };
  const modules = new Map([['module', module]]) as unknown as ModulesContainer;

  const binding = (httpAdapter: object | undefined = {}) =>
    new GatewayBinding(modules, { httpAdapter } as HttpAdapterHost, adapter);

  beforeEach(async () => {
    http = createServer();
    gateway.urls.length = 0;
    gateway.warnings = 0;
    adapter = new RunnerSocketAdapter({
      httpServer: () => http,
      defaultAdapter: undefined,
    });
    adapter.add(RUNNER, {
      maxPayloadBytes: 1_000,
      closeTimeoutMs: 1_000,
      basePath: () => '/voice',
    });
    http.listen(0, '127.0.0.1');
    await once(http, 'listening');
  });
  afterEach(() => {
    http.close();
  });

  const connect = async (): Promise<WebSocket> => {
    const { port } = http.address() as AddressInfo;
    const socket = new WebSocket(`ws://127.0.0.1:${port}/voice/ws`);
    await once(socket, 'message');
    return socket;
  };

  it('serves the gateways that Nest did not, until the application shuts down', async () => {
    const bound = binding();
    bound.onModuleInit();
    const closed = once(await connect(), 'close');
    expect(gateway.urls).toEqual(['/voice/ws']);
    expect(gateway.warnings).toBe(1);
    await bound.beforeApplicationShutdown();
    expect(await closed).toEqual([1001, expect.anything()]);
  });

  it('leaves them to Nest where Nest has begun to serve gateways of the runner', async () => {
    adapter.create(0, { runnerPath: 'other', runner: RUNNER });
    binding().onModuleInit();
    await expect(connect()).rejects.toThrow('404');
  });

  it('is idle in an application without an HTTP server', () => {
    new GatewayBinding(modules, {} as HttpAdapterHost, adapter).onModuleInit();
    expect(adapter.servesRunner).toBe(false);
  });
});

describe('the gateways of the host', () => {
  const ofHost = () => {
    const made = { create: jest.fn(), bindMessageHandlers: jest.fn() };
    const adapter = new RunnerSocketAdapter({
      httpServer: () => undefined,
      defaultAdapter: () => made as unknown as WebSocketAdapter,
    });
    return { made, adapter };
  };

  it('have the forceCloseConnections of the application, whenever their adapter is made', () => {
    const { made, adapter } = ofHost();
    adapter.forceCloseConnections = true;
    adapter.create(3_000);
    expect(made).toMatchObject({ forceCloseConnections: true });
    adapter.forceCloseConnections = false;
    expect(made).toMatchObject({ forceCloseConnections: false });
  });

  it('read their own messages, and none of a bot', () => {
    const { made, adapter } = ofHost();
    const [client, transform] = [{}, () => EMPTY];
    adapter.bindMessageHandlers(client, [], transform);
    adapter.bindMessageHandlers(Object.create(RunnerWebSocket.prototype), [], transform);
    expect(made.bindMessageHandlers.mock.calls).toEqual([[client, [], transform]]);
  });
});
