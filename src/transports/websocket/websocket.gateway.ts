import type { IncomingMessage } from 'node:http';
import { Inject } from '@nestjs/common';
import { SessionRegistry } from '../../sessions/session-registry.js';
import { SocketLiveness } from '../../websocket/liveness.js';
import { RunnerGateway } from '../../websocket/runner-gateway.decorator.js';
import type { RunnerWebSocket } from '../../websocket/runner-web-socket.js';
import { SocketGateway } from '../../websocket/socket-gateway.js';
import { SocketSessions } from '../../websocket/socket-sessions.js';
import { TransportRegistry } from '../transport-registry.js';
import { WebSocketRunnerArguments } from '../../websocket/websocket-runner-arguments.js';
import { WEBSOCKET_OPTIONS } from './websocket.module-definition.js';
import type { WebSocketOptions } from './websocket.options.js';

/** `/ws-client`: a client connects, and its bot starts. */
@RunnerGateway('ws-client')
export class WebSocketGateway extends SocketGateway {
  private readonly liveness: SocketLiveness;

  constructor(
    @Inject(WEBSOCKET_OPTIONS) options: Required<WebSocketOptions>,
    private readonly transports: TransportRegistry,
    protected readonly sockets: SocketSessions,
    private readonly sessions: SessionRegistry,
  ) {
    super();
    this.liveness = new SocketLiveness(options.pingIntervalMs);
  }

  protected get isOn(): boolean {
    return this.transports.allows('websocket');
  }

  protected async accept(socket: RunnerWebSocket, request: IncomingMessage): Promise<void> {
    if (!this.isOn) {
      socket.close(1008, 'this runner does not accept websocket');
      return;
    }
    const session = await this.sockets.admit(socket, request, {
      transports: ['websocket'],
      openAs: 'websocket',
    });
    if (!session) return;
    this.liveness.watch(socket, request);
    this.sessions.launch(
      session,
      new WebSocketRunnerArguments({ websocket: socket, transport_type: 'websocket' }),
    );
  }
}
