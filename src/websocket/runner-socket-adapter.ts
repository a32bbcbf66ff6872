import type { Server, IncomingMessage } from 'node:http';
import {
  type WebSocketAdapter,
  type WsMessageHandler,
  type FactoryProvider,
  type BeforeApplicationShutdown,
  Injectable,
  type OnModuleInit,
} from '@nestjs/common';
import { ApplicationConfig, HttpAdapterHost, ModulesContainer } from '@nestjs/core';
import type { Observable } from 'rxjs';
import type { RunnerRef } from '../runner-ref.js';
import { type RawSocketOptions, RawSocketServer, UpgradeRouter } from './upgrade-router.js';
import { type RunnerGatewayOptions, SocketGateway } from './socket-gateway.js';
import { RunnerWebSocket } from './runner-web-socket.js';
import { optionalPackage } from '../packages.js';
import { gatewayOptionsOf } from '../compat/web-socket-gateway.js';

/** Socket options of one runner. */
export interface RunnerSocketOptions extends RawSocketOptions {
  /** Base path of the runner's gateways, such as `/voice`, or ''. Final once the application is being initialised. */
  readonly basePath: () => string;
}

/** Dependencies of a {@link RunnerSocketAdapter}. */
interface RunnerSocketAdapterOptions {
  /** HTTP server; `undefined` in an application without one, such as a microservice. */
  readonly httpServer: () => Server | undefined;
  /** Creates Nest's default adapter for the host's gateways; `undefined` where its package is missing. */
  readonly defaultAdapter: ((httpServer: Server | undefined) => WebSocketAdapter) | undefined;
}

/**
 * WebSocket adapter of the application. Serves the gateways of all runners, and delegates the host's gateways to the host's adapter, whenever it
 * is set.
 */
export class RunnerSocketAdapter implements WebSocketAdapter {
  private hostAdapter: WebSocketAdapter | undefined;
  private router: UpgradeRouter | undefined;
  private force: boolean | undefined;
  private readonly runners = new Map<RunnerRef, RunnerSocketOptions>();

  constructor(private readonly options: RunnerSocketAdapterOptions) {}

  /** Installs this adapter permanently. An adapter that the host sets later becomes the delegate. */
  install(config: ApplicationConfig): void {
    this.hostAdapter = config.getIoAdapter();
    config.setIoAdapter(this);
    config.setIoAdapter = (adapter) => {
      this.hostAdapter = adapter;
    };
  }

  /** True when a runner's gateway is served. */
  get servesRunner(): boolean {
    return this.router !== undefined;
  }

  /** Adds the gateways of a runner. */
  add(runner: RunnerRef, options: RunnerSocketOptions): void {
    this.runners.set(runner, options);
  }

  /** Application option of the same name, set by Nest. */
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
    // Frames of the runner's gateways are for the bot only.
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

/** Installs the {@link RunnerSocketAdapter} during bootstrap, without any call by the host. */
export const runnerSocketsProvider: FactoryProvider<RunnerSocketAdapter> = {
  provide: RunnerSocketAdapter,
  inject: [ApplicationConfig, HttpAdapterHost],
  useFactory: async (config: ApplicationConfig, adapterHost: HttpAdapterHost) => {
    const adapter = new RunnerSocketAdapter({
      httpServer: () => adapterHost.httpAdapter?.getHttpServer() as Server | undefined,
      defaultAdapter: await loadDefaultAdapter(),
    });
    adapter.install(config);
    return adapter;
  },
};

/** Loads Nest's default adapter ahead, because Nest creates gateways synchronously. */
async function loadDefaultAdapter(): Promise<
  ((server: Server | undefined) => WebSocketAdapter) | undefined
> {
  const socketIo = await optionalPackage(
    '@nestjs/platform-socket.io',
    () => import('@nestjs/platform-socket.io'),
  ).catch(() => undefined);
  return socketIo && ((server) => new socketIo.IoAdapter(server));
}

/** Serves the runner's gateways in an application without `@nestjs/websockets`, where Nest binds no gateways. */
@Injectable()
export class GatewayBinding implements OnModuleInit, BeforeApplicationShutdown {
  private readonly servers: unknown[] = [];

  constructor(
    private readonly modules: ModulesContainer,
    private readonly adapterHost: HttpAdapterHost,
    private readonly adapter: RunnerSocketAdapter,
  ) {}

  /** Runs after Nest has bound the gateways. */
  onModuleInit(): void {
    if (this.adapter.servesRunner || !this.adapterHost.httpAdapter) return;
    for (const { providers } of this.modules.values()) {
      for (const { instance } of providers.values()) {
        if (instance instanceof SocketGateway) this.bind(instance);
      }
    }
  }

  private bind(gateway: SocketGateway): void {
    const server = this.adapter.create(0, gatewayOptionsOf(gateway) as RunnerGatewayOptions);
    this.servers.push(server);
    this.adapter.bindClientConnect(server, (socket, request) => {
      void gateway.handleConnection(socket as RunnerWebSocket, request as IncomingMessage);
    });
    gateway.afterInit();
  }

  /** Runs, like Nest's own hook, after the drain and before the HTTP server closes. */
  async beforeApplicationShutdown(): Promise<void> {
    await Promise.all(this.servers.map((server) => this.adapter.close(server)));
  }
}
