import type { Server } from 'node:http';
import type { FactoryProvider, WebSocketAdapter } from '@nestjs/common';
import { ApplicationConfig, HttpAdapterHost } from '@nestjs/core';
import { RunnerSocketAdapter } from './runner-socket-adapter.js';

/** Installs the {@link RunnerSocketAdapter} while the application is being built, so that a host has nothing to call. */
export const runnerSocketsProvider: FactoryProvider<RunnerSocketAdapter> = {
  provide: RunnerSocketAdapter,
  inject: [ApplicationConfig, HttpAdapterHost],
  useFactory: async (config: ApplicationConfig, adapterHost: HttpAdapterHost) => {
    const adapter = new RunnerSocketAdapter({
      httpServer: () => adapterHost.httpAdapter.getHttpServer() as Server,
      defaultAdapter: await loadDefaultAdapter(),
    });
    adapter.install(config);
    return adapter;
  },
};

/** What Nest itself falls back to. Loaded ahead, because Nest creates gateways synchronously. */
async function loadDefaultAdapter(): Promise<((server: Server) => WebSocketAdapter) | undefined> {
  try {
    const { IoAdapter } = await import('@nestjs/platform-socket.io');
    return (server) => new IoAdapter(server);
  } catch {
    return undefined;
  }
}
