import type { IncomingMessage } from 'node:http';
import { Inject } from '@nestjs/common';
import { CallData } from '../../bot/call-data.js';
import { SessionEnd } from '../../bot/session-end.js';
import { CallRefusedError } from '../../calls/call-router.js';
import {
  CallRouting,
  inboundCall,
  type KnownCall,
  sessionOfCall,
} from '../../calls/call-routing.js';
import { LogBudget } from '../../errors/log-budget.js';
import { RunnerLogger } from '../../errors/runner-logger.js';
import { RunnerError } from '../../errors/runner.error.js';
import { isInstance, textOfThrown } from '../../errors/thrown.js';
import type { HangUpOutcome } from '../../media/media-connection.js';
import { queryOf } from '../../http/http-request.js';
import type { Session } from '../../sessions/session.js';
import { SessionRegistry } from '../../sessions/session-registry.js';
import { SocketLiveness } from '../../websocket/liveness.js';
import { RunnerGateway } from '../../websocket/socket-gateway.js';
import { END_TIMEOUT_MS, type RunnerWebSocket } from '../../websocket/runner-web-socket.js';
import { SocketGateway } from '../../websocket/socket-gateway.js';
import type { HandOver } from '../../sessions/session-context.js';
import { SocketSessions } from '../../websocket/socket-sessions.js';
import { TransportRegistry } from '../transport-registry.js';
import { WebSocketRunnerArguments } from '../../websocket/websocket-runner-arguments.js';
import { PublicUrls } from '../../http/public-url.js';
import type { Carrier } from './carriers/carrier.js';
import { CallTransfer } from './call-transfer.js';
import { CarrierAccess } from './carrier-access.js';
import { CarrierApis } from './carrier-apis.js';
import { Carriers, evalHarness } from './carriers/index.js';
import { detectCarrier, TelephonyHandshakeError } from './parse-telephony-websocket.js';
import { TELEPHONY_OPTIONS } from './telephony-options.token.js';
import type { ResolvedTelephonyOptions } from './telephony.options.js';
import { TelephonyTransport } from './telephony.transport.js';

/** Silence, in milliseconds, after which a peer is taken for one that waits for the bot's first message. */
const SILENCE_MS = 1_000;

/** Limit of connection tests at once, which take no place of a session. */
const MAX_TESTS = 10;

/** Transport name of a session until its carrier is detected. */
const UNANNOUNCED = 'telephony';

/** Close reason for an unknown peer. */
const REFUSED = "unknownCallers is 'refuse'";

/** Errors caused by the peer: a wrong key, or a session that has ended. */
const PEERS_FAULT: readonly string[] = ['WRONG_STATE', 'UNAUTHORIZED'];

/** `/ws`: detects the carrier and the call of each media WebSocket, and starts the bot. */
@RunnerGateway('ws')
export class TelephonyGateway extends SocketGateway {
  private readonly log = new LogBudget(new RunnerLogger('PipecatRunner'));
  private readonly liveness: SocketLiveness;
  /** The connections that are only tested, and still open. */
  private tests = 0;

  constructor(
    @Inject(TELEPHONY_OPTIONS) private readonly options: ResolvedTelephonyOptions,
    private readonly transport: TelephonyTransport,
    private readonly transports: TransportRegistry,
    private readonly known: Carriers,
    protected readonly sockets: SocketSessions,
    private readonly sessions: SessionRegistry,
    private readonly routing: CallRouting,
    private readonly access: CarrierAccess,
    private readonly apis: CarrierApis,
    private readonly publicUrls: PublicUrls,
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

  override afterInit(): void {
    // Otherwise what is open is logged by name.
    if (!this.access.isVerifying) super.afterInit();
  }

  /** True if a peer without a token may turn out to be one that needs none. */
  private takesStrangers(closed: readonly string[]): boolean {
    const { evals, unknownCallers } = this.options;
    return evals || unknownCallers === 'bot' || closed.length < this.carriers.length;
  }

  protected async accept(socket: RunnerWebSocket, request: IncomingMessage): Promise<void> {
    const { carriers } = this;
    const names = this.options.evals ? [...carriers, evalHarness.name] : carriers;
    if (!this.isOn) {
      socket.close(1008, 'this runner does not accept phone calls');
      return;
    }
    const closed = carriers.filter((name) => this.access.needsToken(name));
    const session = await this.sockets.admit(socket, request, {
      transports: [...carriers, UNANNOUNCED],
      openAs: UNANNOUNCED,
      tokensOnly: this.takesStrangers(closed) ? closed : [...closed, UNANNOUNCED],
    });
    if (!session) return;
    // The call was not announced by a webhook.
    const isNew = session.transport === UNANNOUNCED;
    try {
      const { handshakeTimeoutMs: timeoutMs, unknownCallers } = this.options;
      const keepsUnknown = unknownCallers === 'bot';
      const { carrier, handshake } = await detectCarrier(socket, {
        carriers: this.known,
        signal: session.signal,
        keepsUnknown,
        ...(keepsUnknown ? { silenceMs: Math.min(SILENCE_MS, timeoutMs) } : { timeoutMs }),
      });
      if (carrier ? !names.includes(carrier.name) : !keepsUnknown) {
        const refused = carrier ? '' : `${REFUSED}, and `;
        throw new Error(`${refused}the caller is not one of ${names.join(', ')}`);
      }
      if (isNew && carrier && closed.includes(carrier.name)) throw tokenNeeded(carrier);
      const { call_data } = handshake;
      if (carrier) session.transport = carrier.name;
      const isTest = carrier?.isTest?.(call_data) === true;
      if (isNew && carrier !== evalHarness && !isTest)
        await this.route(session, call_data, request);
      if (carrier) this.verify(carrier, request, session, call_data);
      if (isTest && this.tests === MAX_TESTS) throw tooManyTests();
      const responder = carrier?.responder?.(call_data);
      if (responder) socket.respond(responder);
      if (isTest) return this.leaveTest(session, socket);
      if (carrier?.answersPings !== false) this.liveness.watch(socket, request);
      carrier?.noteFormat?.(call_data, this.options);
      completeCallData(call_data, session);
      const args = new WebSocketRunnerArguments({ websocket: socket, ...(carrier && handshake) });
      const hangUp = async (): Promise<HangUpOutcome> => {
        // createTransport may detect the carrier of an unknown peer later.
        if (!carrier || responder) socket.hangUp();
        const endCall = this.hangUpOf(session, args);
        return (await endCall?.()) ?? { ok: true, via: 'connection' };
      };
      const transfer = carrier && this.transfers.of(session, carrier.name, call_data);
      this.sessions.launch(session, args, { hangUp, transfer });
    } catch (thrown) {
      this.log.warn(
        `no call: ${textOfThrown(thrown).message}`,
        isNew ? 'connections without a webhook that are no calls' : 'announced calls that failed',
        session.logger,
      );
      await this.turnAway(session, thrown);
    }
  }

  /** Returns the hang-up through the API of the carrier that the arguments name now. */
  private hangUpOf(
    session: Session,
    { transport_type = '', call_data = new CallData() }: WebSocketRunnerArguments,
  ): HandOver['hangUp'] {
    return this.apis.hangUpOf(transport_type, call_data, this.apis.credentialsOf(session));
  }

  /** Asks the host's routing about a call without a webhook. */
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
    const accepted = await this.routing.route(call, this.apis.decisionChecks);
    await this.sessions.adopt(session, sessionOfCall(accepted));
    session.context.credentials = accepted.credentials;
    Object.assign(call_data.body, accepted.customParameters);
  }

  /** @throws {RunnerError} `UNAUTHORIZED` for a connection that is not from its carrier */
  private verify(
    carrier: Carrier,
    { headers, url = '', socket }: IncomingMessage,
    session: Session,
    call_data: CallData,
  ): void {
    const account = this.apis.credentialsOf(session)[carrier.name];
    if (!account || !carrier.verifyConnection) return;
    const protocol = 'encrypted' in socket ? 'https' : 'http';
    const request = { headers, protocol, host: headers.host, originalUrl: url };
    const urls = this.publicUrls.spellingsOf(request, this.options.publicUrl);
    carrier.verifyConnection({ headers, urls, body: Buffer.alloc(0) }, account, call_data);
  }

  /** Gives the place back at once, and has the carrier close the connection in its own way. */
  private leaveTest(session: Session, socket: RunnerWebSocket): void {
    if (socket.readyState !== socket.CLOSED) {
      this.tests++;
      socket.once('close', () => this.tests--);
      socket.closeAfter(() => undefined, END_TIMEOUT_MS);
    }
    session.isDiscarded = true;
    void session.end(new SessionEnd('completed', 'It was a test of the connection.'));
  }

  private async turnAway(session: Session, error: unknown): Promise<void> {
    if (isInstance(error, CallRefusedError)) {
      this.sessions.refuse(session, error, error.message, 'stopped');
    } else if (isInstance(error, RunnerError) && !PEERS_FAULT.includes(error.code)) {
      this.sessions.refuse(session, error, error.message);
    } else {
      const { message } = textOfThrown(error);
      const isSilent = isInstance(error, TelephonyHandshakeError) && error.code === 'TIMED_OUT';
      const option = isSilent ? `${REFUSED}, and ` : '';
      await session.end(new SessionEnd('peer_error', `${option}${message}`));
    }
  }
}

const tokenNeeded = ({ name }: Carrier): RunnerError =>
  new RunnerError('FORBIDDEN', `calls of ${name} need a token here, or openCarriers: ['${name}']`);

const tooManyTests = (): RunnerError =>
  new RunnerError('AT_CAPACITY', 'Too many connections are being tested; try again later.');

/** Fills in numbers from the webhook or the outbound call, which not every carrier repeats. */
function completeCallData(call_data: CallData, { call }: Session): void {
  call_data.from ??= call?.from;
  call_data.to ??= call?.to;
}
