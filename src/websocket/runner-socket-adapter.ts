import type { Server } from 'node:http';
import type { WebSocketAdapter, WsMessageHandler } from '@nestjs/common';
import type { ApplicationConfig } from '@nestjs/core';
import type { Observable } from 'rxjs';
import type { RunnerRef } from '../runner-ref.js';
import { type RawSocketOptions, RawSocketServer } from './raw-socket-server.js';
import type { RunnerGatewayOptions } from './runner-gateway.decorator.js';
import { RunnerWebSocket } from './runner-web-socket.js';
import { UpgradeRouter } from './upgrade-router.js';

/** How the sockets of one runner are served. */
export interface RunnerSocketOptions extends RawSocketOptions {
  /** What all gateways of the runner live below, such as `/voice`; '' for nothing. Final once the application is being initialised. */
  readonly basePath: () => string;
}

/** What a {@link RunnerSocketAdapter} is made with. */
export interface RunnerSocketAdapterOptions {
  /** `undefined` in an application without one, such as a microservice. */
  readonly httpServer: () => Server | undefined;
  /** Makes the adapter Nest would use for a host that set none; `undefined` where its package is missing. */
  readonly defaultAdapter: ((httpServer: Server | undefined) => WebSocketAdapter) | undefined;
}

/**
 * The WebSocket adapter of the whole application: serves the gateways of all its runners itself, and hands the host's gateways
 * to the host's adapter, whichever that is and whenever it is set.
 */
export class RunnerSocketAdapter implements WebSocketAdapter {
  private hostAdapter: WebSocketAdapter | undefined;
  private router: UpgradeRouter | undefined;
  private force: boolean | undefined;
  private readonly runners = new Map<RunnerRef, RunnerSocketOptions>();

  constructor(private readonly options: RunnerSocketAdapterOptions) {}

  /** Becomes the application's adapter, and stays it: an adapter the host sets later is the one behind this. */
  install(config: ApplicationConfig): void {
    this.hostAdapter = config.getIoAdapter();
    config.setIoAdapter(this);
    config.setIoAdapter = (adapter) => {
      this.hostAdapter = adapter;
    };
  }

  /** Whether any gateway of a runner is served. */
  get servesRunner(): boolean {
    return this.router !== undefined;
  }

  /** Serves the gateways of this runner, too. */
  add(runner: RunnerRef, options: RunnerSocketOptions): void {
    this.runners.set(runner, options);
  }

  /** Nest sets this from the application's options of the same name. */
  set forceCloseConnections(force: boolean) {
    this.force = force;
    if (this.hostAdapter) Object.assign(this.hostAdapter, { forceCloseConnections: force });
  }

  create(port: number, options?: Partial<RunnerGatewayOptions>): unknown {
    const runner = options?.runner && this.runners.get(options.runner);
    if (!runner) return this.host.create(port, options) as unknown;
    const path = `${runner.basePath()}/${options.runnerPath}`;
    const server = new RawSocketServer(() => path, runner);
    const httpServer = this.options.httpServer();
    if (!httpServer) return server;
    this.router ??= new UpgradeRouter(httpServer);
    this.router.add(server);
    return server;
  }

  bindClientConnect(server: unknown, callback: (...args: unknown[]) => void): void {
    if (server instanceof RawSocketServer) server.on('connection', callback);
    else this.host.bindClientConnect(server, callback);
  }

  bindClientDisconnect(client: unknown, callback: (...args: unknown[]) => void): void {
    if (client instanceof RunnerWebSocket) client.once('close', callback);
    else this.host.bindClientDisconnect?.(client, callback);
  }

  bindMessageHandlers(
    client: unknown,
    handlers: WsMessageHandler[],
    // eslint-disable-next-line @typescript-eslint/no-explicit-any -- Nest's own signature
    transform: (data: any) => Observable<any>,
  ): void {
    // Frames of the runner's gateways belong to the bot.
    if (!(client instanceof RunnerWebSocket)) {
      this.host.bindMessageHandlers(client, handlers, transform);
    }
  }

  async close(server: unknown): Promise<void> {
    await (server instanceof RawSocketServer ? server.close() : this.host.close(server));
  }

  async dispose(): Promise<void> {
    await (this.hostAdapter as { dispose?: () => unknown } | undefined)?.dispose?.();
  }

  private get host(): WebSocketAdapter {
    if (!this.hostAdapter) {
      const { defaultAdapter, httpServer } = this.options;
      if (!defaultAdapter) {
        throw new Error(
          'A gateway of this application needs a WebSocket adapter. Set one before app.listen(), such as ' +
            'app.useWebSocketAdapter(new WsAdapter(app)) from @nestjs/platform-ws, or npm install @nestjs/platform-socket.io.',
        );
      }
      this.hostAdapter = defaultAdapter(httpServer());
      if (this.force !== undefined) this.forceCloseConnections = this.force;
    }
    return this.hostAdapter;
  }
}
