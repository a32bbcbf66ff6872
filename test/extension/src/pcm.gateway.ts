import type { IncomingMessage } from 'node:http';
import {
  RunnerGateway,
  RunnerWebSocket,
  SessionRegistry,
  SocketGateway,
  SocketSessions,
  TransportRegistry,
  WebSocketRunnerArguments,
} from 'nestjs-pipecat-runner';
import { PCM } from './pcm.media.js';

/** `/pcm`: a client connects, and its bot starts. */
@RunnerGateway('pcm')
export class PcmGateway extends SocketGateway {
  constructor(
    protected readonly sockets: SocketSessions,
    private readonly sessions: SessionRegistry,
    private readonly transports: TransportRegistry,
  ) {
    super();
  }

  protected override get isOn(): boolean {
    return this.transports.allows(PCM);
  }

  protected async accept(socket: RunnerWebSocket, request: IncomingMessage): Promise<void> {
    if (!this.isOn) return socket.close(1008, 'this runner does not accept pcm');
    const session = await this.sockets.admit(socket, request, {
      transports: [PCM],
      openAs: PCM,
      pingIntervalMs: 30_000,
    });
    if (!session) return;
    const args = new WebSocketRunnerArguments({ websocket: socket, transport_type: PCM });
    this.sessions.launch(session, args);
  }
}
