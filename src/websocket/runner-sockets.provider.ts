import type { Server } from 'node:http';
import { type FactoryProvider, Logger, type WebSocketAdapter } from '@nestjs/common';
import { ApplicationConfig, HttpAdapterHost } from '@nestjs/core';
import { KeyAuth } from '../auth/key-auth.js';
import { RunnerAuth } from '../auth/runner-auth.js';
import { RunnerPaths } from '../http/runner-paths.js';
import { optionalPackage } from '../packages/optional-package.js';
import { type ResolvedRunnerOptions, RUNNER_OPTIONS } from '../runner.options.js';
import { RunnerSocketAdapter } from './runner-socket-adapter.js';

/** Installs the {@link RunnerSocketAdapter} while the application is being built, so that a host has nothing to call. */
export const runnerSocketsProvider: FactoryProvider<RunnerSocketAdapter> = {
  provide: RunnerSocketAdapter,
  inject: [RUNNER_OPTIONS, RunnerAuth, RunnerPaths, ApplicationConfig, HttpAdapterHost],
  useFactory: async (
    { maxPayloadBytes, closeTimeoutMs, webSocketAuth }: ResolvedRunnerOptions,
    auth: RunnerAuth,
    paths: RunnerPaths,
    config: ApplicationConfig,
    adapterHost: HttpAdapterHost,
  ) => {
    const adapter = new RunnerSocketAdapter({
      maxPayloadBytes,
      closeTimeoutMs,
      basePath: () => paths.basePath,
      httpServer: () => adapterHost.httpAdapter?.getHttpServer() as Server | undefined,
      onGateway: () => {
        const isOpen = auth instanceof KeyAuth && auth.isOpen;
        if (isOpen || webSocketAuth !== 'none') return;
        new Logger('PipecatRunner').warn(
          "HALF PROTECTED: HTTP wants a key, but whoever connects to a WebSocket starts a session. Set webSocketAuth: 'token'.",
        );
      },
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
