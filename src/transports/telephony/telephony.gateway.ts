import type { IncomingMessage } from 'node:http';
import { Inject } from '@nestjs/common';
import type { CallData } from '../../bot/call-data.js';
import { SessionEnd } from '../../bot/session-end.js';
import { CallRefusedError } from '../../calls/call-refused.error.js';
import {
  CallRouting,
  inboundCall,
  type KnownCall,
  sessionOfCall,
} from '../../calls/call-routing.js';
import { RunnerError } from '../../errors/runner.error.js';
import { isInstance, textOfThrown } from '../../errors/thrown.js';
import { queryOf } from '../../http/http-request.js';
import type { Session } from '../../sessions/session.js';
import { SessionRegistry } from '../../sessions/session-registry.js';
import { SocketLiveness } from '../../websocket/liveness.js';
import { RunnerGateway } from '../../websocket/runner-gateway.decorator.js';
import type { RunnerWebSocket } from '../../websocket/runner-web-socket.js';
import { SocketGateway } from '../../websocket/socket-gateway.js';
import { SocketSessions } from '../../websocket/socket-sessions.js';
import { TransportRegistry } from '../transport-registry.js';
import { WebSocketRunnerArguments } from '../../websocket/websocket-runner-arguments.js';
import { CallHangUp } from './call-hang-up.js';
import { CallTransfer } from './call-transfer.js';
import { CarrierApis } from './carrier-apis.js';
import { callerNamed } from './callers.js';
import { evalHarness } from './eval-harness.js';
import { parseTelephonyWebSocket } from './parse-telephony-websocket.js';
import { TELEPHONY_OPTIONS } from './telephony-options.token.js';
import type { ResolvedTelephonyOptions } from './telephony.options.js';
import { TelephonyTransport } from './telephony.transport.js';

/** The transport of a session whose carrier has not yet identified itself. */
const UNANNOUNCED = 'telephony';

/** `/ws`: a carrier connects, says which call it brings, and the bot starts. */
@RunnerGateway('ws')
export class TelephonyGateway extends SocketGateway {
  private readonly liveness: SocketLiveness;

  constructor(
    @Inject(TELEPHONY_OPTIONS) private readonly options: ResolvedTelephonyOptions,
    private readonly transport: TelephonyTransport,
    private readonly transports: TransportRegistry,
    protected readonly sockets: SocketSessions,
    private readonly sessions: SessionRegistry,
    private readonly routing: CallRouting,
    private readonly apis: CarrierApis,
    private readonly hangUps: CallHangUp,
    private readonly transfers: CallTransfer,
  ) {
    super();
    this.liveness = new SocketLiveness(options.pingIntervalMs);
  }

  protected override get isOn(): boolean {
    return this.options.evals || this.carriers.length > 0;
  }

  private get carriers(): string[] {
    return this.transport.names.filter((name) => this.transports.allows(name));
  }

  protected async accept(socket: RunnerWebSocket, request: IncomingMessage): Promise<void> {
    const { carriers } = this;
    const names = this.options.evals ? [...carriers, evalHarness.name] : carriers;
    if (!this.isOn) {
      socket.close(1008, 'this runner does not accept phone calls');
      return;
    }
    const session = await this.sockets.admit(socket, request, {
      transports: [...carriers, UNANNOUNCED],
      openAs: UNANNOUNCED,
    });
    if (!session) return;
    // Nobody has heard of this call before.
    const isNew = session.transport === UNANNOUNCED;
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
      if (isNew && caller !== evalHarness) await this.route(session, call_data, request);
      if (caller.answersPings) this.liveness.watch(socket, request);
      caller.noteFormat?.(call_data, this.options);
      const args = new WebSocketRunnerArguments({ websocket: socket, transport_type, call_data });
      completeCallData(call_data, session);
      const credentials = this.apis.credentialsOf(session);
      this.sessions.launch(session, args, {
        hangUp: this.hangUps.of(transport_type, call_data, credentials),
        transfer: this.transfers.of(session, transport_type, call_data),
      });
    } catch (thrown) {
      session.logger.warn(`no call: ${textOfThrown(thrown).message}`);
      await this.turnAway(session, thrown);
    }
  }

  /** Has the host decide about a call that no webhook has announced. */
  private async route(
    session: Session,
    call_data: CallData,
    request: IncomingMessage,
  ): Promise<void> {
    const { from, to, call_id: callId } = call_data;
    const call: KnownCall = {
      transport: session.transport,
      stage: 'connection',
      from,
      to,
      callId,
      fields: { ...call_data },
      query: queryOf({ originalUrl: request.url ?? '' }),
    };
    session.call = inboundCall(call);
    const accepted = await this.routing.route(call);
    await this.sessions.adopt(session, sessionOfCall(accepted));
    session.context.credentials = accepted.credentials;
    Object.assign(call_data.body, accepted.customParameters);
  }

  private async turnAway(session: Session, error: unknown): Promise<void> {
    if (isInstance(error, CallRefusedError)) {
      this.sessions.refuse(session, error, error.message, 'stopped');
    } else if (isInstance(error, RunnerError) && error.code !== 'WRONG_STATE') {
      this.sessions.refuse(session, error, error.message);
    } else await session.end(new SessionEnd('peer_error', textOfThrown(error).message));
  }
}

/** Not every carrier repeats the numbers that its webhook, or whoever placed the call, has said. */
function completeCallData(call_data: CallData, { call }: Session): void {
  call_data.from ??= call?.from;
  call_data.to ??= call?.to;
}
