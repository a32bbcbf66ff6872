import { WebSocketGateway } from '../compat/web-socket-gateway.js';

/** What {@link RunnerGateway} leaves in a gateway's options. */
export interface RunnerGatewayOptions {
  readonly runnerPath: string;
}

/**
 * A gateway on raw sockets: its `handleConnection(socket, request)` gets every connection to `/<path>` and
 * `/<path>/<token>` below the runner's base path, with its early frames held, and frames reach it as the peer sent them.
 */
export function RunnerGateway(path: string): ClassDecorator {
  // Nest shares a server between gateways of one path; a host's gateway must never share ours.
  const options: Record<string, unknown> = { path: `pipecat-runner:${path}`, runnerPath: path };
  return WebSocketGateway(options);
}
