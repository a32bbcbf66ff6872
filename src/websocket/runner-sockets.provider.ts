import type { Server } from 'node:http';
import type { FactoryProvider, WebSocketAdapter } from '@nestjs/common';
import { ApplicationConfig, HttpAdapterHost } from '@nestjs/core';
import { optionalPackage } from '../packages.js';
import { RunnerSocketAdapter } from './runner-socket-adapter.js';

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
