import type { Server } from 'node:http';
import type { WebSocketAdapter, WsMessageHandler } from '@nestjs/common';
import type { ApplicationConfig } from '@nestjs/core';
import type { Observable } from 'rxjs';
import { type RawSocketOptions, RawSocketServer } from './raw-socket-server.js';
import type { RunnerGatewayOptions } from './runner-gateway.decorator.js';
import { RunnerWebSocket } from './runner-web-socket.js';
import { UpgradeRouter } from './upgrade-router.js';

/** What a {@link RunnerSocketAdapter} is made with. */
export interface RunnerSocketAdapterOptions extends RawSocketOptions {
  /** What all gateways of the runner live below, such as `/voice`; '' for nothing. */
  readonly basePath: () => string;
  /** `undefined` in an application without one, such as a microservice. */
  readonly httpServer: () => Server | undefined;
  /** Called when there is a gateway of the runner. */
  readonly onGateway: () => void;
  /** Makes the adapter Nest would use for a host that set none; `undefined` where its package is missing. */
  readonly defaultAdapter: ((httpServer: Server | undefined) => WebSocketAdapter) | undefined;
}

/**
 * The WebSocket adapter of the whole application: serves the runner's gateways itself, and hands the host's gateways
 * to the host's adapter, whichever that is and whenever it is set.
 */
export class RunnerSocketAdapter implements WebSocketAdapter {
  private hostAdapter: WebSocketAdapter | undefined;
  private router: UpgradeRouter | undefined;
  private force: boolean | undefined;

  constructor(private readonly options: RunnerSocketAdapterOptions) {}

  /** Becomes the application's adapter, and stays it: an adapter the host sets later is the one behind this. */
  install(config: ApplicationConfig): void {
    this.hostAdapter = config.getIoAdapter();
    config.setIoAdapter(this);
    config.setIoAdapter = (adapter) => {
      this.hostAdapter = adapter;
    };
  }

  /** Whether any gateway of the runner is served. */
  get servesRunner(): boolean {
    return this.router !== undefined;
  }

  /** Nest sets this from the application's options of the same name. */
  set forceCloseConnections(force: boolean) {
    this.force = force;
    if (this.hostAdapter) Object.assign(this.hostAdapter, { forceCloseConnections: force });
  }

  create(port: number, options?: Partial<RunnerGatewayOptions>): unknown {
    const path = options?.runnerPath;
    if (path === undefined) return this.host.create(port, options) as unknown;
    const { basePath, onGateway } = this.options;
    const server = new RawSocketServer(() => `${basePath()}/${path}`, this.options);
    const httpServer = this.options.httpServer();
    if (!httpServer) return server;
    if (!this.router) onGateway();
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
