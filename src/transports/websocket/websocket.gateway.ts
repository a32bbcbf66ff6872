import type { IncomingMessage } from 'node:http';
import { Inject } from '@nestjs/common';
import { SessionRegistry } from '../../sessions/session-registry.js';
import { RunnerGateway, SocketGateway } from '../../websocket/socket-gateway.js';
import type { RunnerWebSocket } from '../../websocket/runner-web-socket.js';
import { SocketSessions } from '../../websocket/socket-sessions.js';
import { WebSocketRunnerArguments } from '../../websocket/websocket-runner-arguments.js';
import { TransportRegistry } from '../transport-registry.js';
import { WEBSOCKET_OPTIONS, type WebSocketOptions } from './websocket.options.js';

/** `/ws-client`: starts a bot for each WebSocket client. */
@RunnerGateway('ws-client')
export class WebSocketGateway extends SocketGateway {
  constructor(
    @Inject(WEBSOCKET_OPTIONS) private readonly options: Required<WebSocketOptions>,
    private readonly transports: TransportRegistry,
    protected readonly sockets: SocketSessions,
    private readonly sessions: SessionRegistry,
  ) {
    super();
  }

  protected override get isOn(): boolean {
    return this.transports.allows('websocket');
  }

  protected async accept(socket: RunnerWebSocket, request: IncomingMessage): Promise<void> {
    if (!this.isOn) return socket.close(1008, 'this runner does not accept websocket');
    const session = await this.sockets.admit(socket, request, {
      transports: ['websocket'],
      openAs: 'websocket',
      ...this.options,
    });
    if (!session) return;
    this.sessions.launch(
      session,
      new WebSocketRunnerArguments({ websocket: socket, transport_type: 'websocket' }),
    );
  }
}
