import type { Server } from 'node:http';
import type { FactoryProvider, WebSocketAdapter } from '@nestjs/common';
import { ApplicationConfig, HttpAdapterHost } from '@nestjs/core';
import { optionalPackage } from '../packages/optional-package.js';
import { RunnerSocketAdapter } from './runner-socket-adapter.js';

/** Installs the {@link RunnerSocketAdapter} while the application is being built, so that a host has nothing to call. */
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

/** What Nest itself falls back to. Loaded ahead, because Nest creates gateways synchronously. */
async function loadDefaultAdapter(): Promise<
  ((server: Server | undefined) => WebSocketAdapter) | undefined
> {
  const socketIo = await optionalPackage(
    '@nestjs/platform-socket.io',
    () => import('@nestjs/platform-socket.io'),
  ).catch(() => undefined);
  return socketIo && ((server) => new socketIo.IoAdapter(server));
}
