import { SetMetadata, type Type } from '@nestjs/common';
import { WebSocketGateway } from '../compat/web-socket-gateway.js';
import type { RunnerRef } from '../runner-ref.js';

/** Metadata of a runner's gateway. */
export interface RunnerGatewayOptions {
  /** Path below the runner's base path. */
  readonly runnerPath: string;
  readonly runner: RunnerRef;
}

const RUNNER_GATEWAY = Symbol('RUNNER_GATEWAY');

/**
 * Marks a subclass of `SocketGateway` as a gateway on raw sockets, a provider of a transport's module. It receives the connections to `/<path>`
 * and `/<path>/<token>` below the runner's base path, on the application's HTTP server, beside the gateways of the host.
 *
 * @param path path without leading and trailing slash, such as `ws-client`
 */
export const RunnerGateway = (path: string): ClassDecorator => SetMetadata(RUNNER_GATEWAY, path);

/** Returns the path of a {@link RunnerGateway}; `undefined` for any other class. */
export const runnerGatewayPath = (gateway: Type<unknown>): string | undefined =>
  Reflect.getMetadata(RUNNER_GATEWAY, gateway) as string | undefined;

/** Binds a subclass of a {@link RunnerGateway} to one runner. */
export function bindGateway(gateway: Type<unknown>, runner: RunnerRef): void {
  const runnerPath = runnerGatewayPath(gateway)!;
  const options: RunnerGatewayOptions & { path: string } = {
    // Unique path: Nest shares a server between gateways of the same path.
    path: `pipecat-runner:/${runner.path}/${runnerPath}`,
    runnerPath,
    runner,
  };
  WebSocketGateway(options)(gateway);
}
