import type { IncomingMessage } from 'node:http';
import { type BeforeApplicationShutdown, Injectable, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost, ModulesContainer } from '@nestjs/core';
import { gatewayOptionsOf } from '../compat/web-socket-gateway.js';
import { RunnerSocketAdapter } from './runner-socket-adapter.js';
import { type RunnerGatewayOptions, SocketGateway } from './socket-gateway.js';
import type { RunnerWebSocket } from './runner-web-socket.js';

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
