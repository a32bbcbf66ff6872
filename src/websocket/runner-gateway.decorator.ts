import { SetMetadata, type Type } from '@nestjs/common';
import { WebSocketGateway } from '../compat/web-socket-gateway.js';
import type { RunnerRef } from '../runner-ref.js';

/** The options of a gateway of one runner. */
export interface RunnerGatewayOptions {
  /** Where it is, below the runner's base path. */
  readonly runnerPath: string;
  readonly runner: RunnerRef;
}

const RUNNER_GATEWAY = Symbol('RUNNER_GATEWAY');

/**
 * A gateway on raw sockets, for subclasses of `SocketGateway` among the providers of a transport's module. It gets every connection to `/<path>`
 * and `/<path>/<token>` below the runner's base path, on the application's own HTTP server, beside the gateways of the host.
 *
 * @param path without slashes around it, such as `ws-client`
 */
export const RunnerGateway = (path: string): ClassDecorator => SetMetadata(RUNNER_GATEWAY, path);

/** The path of a {@link RunnerGateway}; `undefined` for any other class. */
export const runnerGatewayPath = (gateway: Type<unknown>): string | undefined =>
  Reflect.getMetadata(RUNNER_GATEWAY, gateway) as string | undefined;

/** Makes a subclass of a {@link RunnerGateway} the gateway of one runner. */
export function bindGateway(gateway: Type<unknown>, runner: RunnerRef): void {
  const runnerPath = runnerGatewayPath(gateway)!;
  const options: RunnerGatewayOptions & { path: string } = {
    // Nest shares a server between gateways of one path: ours are never shared, neither with the host's nor with another runner's.
    path: `pipecat-runner:/${runner.path}/${runnerPath}`,
    runnerPath,
    runner,
  };
  WebSocketGateway(options)(gateway);
}
