import type { IncomingMessage } from 'node:http';
import { RunnerLogger } from '../errors/runner-logger.js';
import { textOfThrown } from '../errors/thrown.js';
import type { RunnerWebSocket } from './runner-web-socket.js';
import type { SocketSessions } from './socket-sessions.js';
import { SetMetadata, type Type } from '@nestjs/common';
import { WebSocketGateway } from '../compat/web-socket-gateway.js';
import type { RunnerRef } from '../runner-ref.js';

/**
 * Base of gateways with `@RunnerGateway(path)`, which admit sockets to sessions and launch bots. An error of {@link accept} closes the
 * socket with close code 1011 and is logged.
 */
export abstract class SocketGateway {
  protected abstract readonly sockets: SocketSessions;

  /** False where the runner is restricted to another transport. @default true */
  protected get isOn(): boolean {
    return true;
  }

  /**
   * Handles a new connection. Its frames are buffered until the bot listens.
   * @param request the upgrade request
   */
  protected abstract accept(
    socket: RunnerWebSocket,
    request: IncomingMessage,
  ): Promise<void> | void;

  /** Called by Nest when the gateway is bound. */
  afterInit(): void {
    if (this.isOn) this.sockets.warnIfOpen();
  }

  /** Called by Nest for each connection. */
  async handleConnection(socket: RunnerWebSocket, request: IncomingMessage): Promise<void> {
    try {
      await this.accept(socket, request);
    } catch (thrown) {
      const { text, stack } = textOfThrown(thrown);
      new RunnerLogger('PipecatRunner').error(text, stack);
      socket.close(1011, 'the runner failed');
    }
  }
}

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
