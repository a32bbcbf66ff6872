import type { IncomingMessage } from 'node:http';
import { Inject } from '@nestjs/common';
import { textOfThrown } from '../../errors/thrown.js';
import { SessionRegistry } from '../../sessions/session-registry.js';
import { SocketLiveness } from '../../websocket/liveness.js';
import { RunnerGateway } from '../../websocket/runner-gateway.decorator.js';
import type { RunnerWebSocket } from '../../websocket/runner-web-socket.js';
import { SocketGateway } from '../../websocket/socket-gateway.js';
import { SocketSessions } from '../../websocket/socket-sessions.js';
import { linkHangUp } from '../hang-up-link.js';
import { TransportRegistry } from '../transport-registry.js';
import { WebSocketRunnerArguments } from '../../websocket/websocket-runner-arguments.js';
import { CallHangUp } from './call-hang-up.js';
import { callerNamed } from './callers.js';
import { evalHarness } from './eval-harness.js';
import { parseTelephonyWebSocket } from './parse-telephony-websocket.js';
import { TELEPHONY_OPTIONS } from './telephony-options.token.js';
import type { ResolvedTelephonyOptions } from './telephony.options.js';
import { TelephonyTransport } from './telephony.transport.js';

/** `/ws`: a carrier connects, says which call it brings, and the bot starts. */
@RunnerGateway('ws')
export class TelephonyGateway extends SocketGateway {
  private readonly liveness: SocketLiveness;

  constructor(
    @Inject(TELEPHONY_OPTIONS) private readonly options: ResolvedTelephonyOptions,
    private readonly transport: TelephonyTransport,
    private readonly transports: TransportRegistry,
    private readonly sockets: SocketSessions,
    private readonly sessions: SessionRegistry,
    private readonly hangUps: CallHangUp,
  ) {
    super();
    this.liveness = new SocketLiveness(options.pingIntervalMs);
  }

  protected async accept(socket: RunnerWebSocket, request: IncomingMessage): Promise<void> {
    const carriers = this.transport.names.filter((name) => this.transports.allows(name));
    const names = this.options.evals ? [...carriers, evalHarness.name] : carriers;
    if (names.length === 0) {
      socket.close(1008, 'this runner does not accept phone calls');
      return;
    }
    const session = this.sockets.admit(socket, request, {
      transports: [...carriers, 'telephony'],
      openAs: 'telephony',
    });
    if (!session) return;
    try {
      const { transport_type, call_data } = await parseTelephonyWebSocket(socket, {
        timeoutMs: this.options.handshakeTimeoutMs,
        signal: session.signal,
      });
      if (!names.includes(transport_type)) {
        throw new Error(`the caller is not one of ${names.join(', ')}`);
      }
      session.transport = transport_type;
      const caller = callerNamed(transport_type)!;
      if (caller.answersPings) this.liveness.watch(socket, request);
      caller.noteFormat?.(call_data, this.options);
      const args = new WebSocketRunnerArguments({ websocket: socket, transport_type, call_data });
      linkHangUp(args, this.hangUps.of(transport_type, call_data));
      this.sessions.launch(session, args);
    } catch (thrown) {
      const { message } = textOfThrown(thrown);
      session.logger.warn(`no call: ${message}`);
      await this.sessions.stop(session, 'peer_error', message);
    }
  }
}
