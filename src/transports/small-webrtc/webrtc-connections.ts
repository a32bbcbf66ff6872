import { Inject, Injectable } from '@nestjs/common';
import { BotLauncher } from '../../bot/bot-launcher.js';
import { SessionEnd } from '../../bot/session-end.js';
import type { MediaEnd } from '../../media/media-connection.js';
import type { HandOver } from '../../sessions/session-context.js';
import type { Session } from '../../sessions/session.js';
import { BotPeerConnection } from './bot-peer-connection.js';
import { SmallWebRTCRunnerArguments } from './dto/small-webrtc-runner-arguments.dto.js';
import type { WebRtcAnswer } from './dto/webrtc-answer.dto.js';
import { withHostAddresses } from './host-addresses.js';
import { IceServers } from './ice-servers.js';
import type { Negotiator } from './negotiator.js';
import { PEER_STACK } from './peer-stack.token.js';
import type { IceServer, PeerEvents, PeerStack } from './peer/peer.js';
import { type Offer, readOffer } from './sdp.js';
import { SmallWebRTCConnection } from './small-webrtc-connection.js';
import { type ResolvedSmallWebRtcOptions, SMALL_WEBRTC_OPTIONS } from './small-webrtc.options.js';

/** First offer of a session. */
export interface OpenPeer<T> {
  readonly offer: Offer;
  /** Rewrites the SDP of an answer before it is sent. */
  readonly adaptAnswer: (sdp: string) => string;
  /** Sends the answer to the client. A bot that holds the connection is running by then, another one is not yet launched. */
  readonly reply: (answer: WebRtcAnswer, negotiator: Negotiator) => T | Promise<T>;
  /** Launches the bot. */
  readonly launch: (args: SmallWebRTCRunnerArguments, handOver: HandOver) => void;
}

/** Opens the peer connections of sessions: in this process, or in the bot's own. */
@Injectable()
export class WebRtcConnections {
  /** True if the connections live in the bots' processes. */
  private readonly botHoldsPeers: boolean;

  constructor(
    @Inject(SMALL_WEBRTC_OPTIONS) private readonly options: ResolvedSmallWebRtcOptions,
    @Inject(PEER_STACK) private readonly stack: PeerStack | undefined,
    private readonly iceServers: IceServers,
    private readonly launcher: BotLauncher,
  ) {
    this.botHoldsPeers = launcher.holdsPeers?.(SmallWebRTCRunnerArguments) ?? false;
    if (this.botHoldsPeers) launcher.preparePeers?.(SmallWebRTCRunnerArguments);
  }

  /** Reason why WebRTC is unavailable, with the fix; `undefined` when it is available. */
  get disabledReason(): string | undefined {
    return this.botHoldsPeers || this.stack
      ? // A host may provide any object with a launch() method.
        this.launcher.refusal?.(SmallWebRTCRunnerArguments)
      : 'werift or libopus-wasm is not installed: npm install werift libopus-wasm';
  }

  /** @throws {RunnerError} `BAD_REQUEST` naming what is wrong with an offer */
  read(sdp: string): Offer {
    return readOffer(sdp, !this.botHoldsPeers);
  }

  /**
   * Answers the first offer of a session and launches its bot. The connection ends with the session, and the session with it.
   * @throws {RunnerError} the errors of {@link Negotiator.renegotiate}, `PROVIDER_REFUSED` when the ICE servers cannot be obtained, or what `reply`
   * throws
   */
  async open<T>(session: Session, { offer, adaptAnswer, reply, launch }: OpenPeer<T>): Promise<T> {
    const iceServers = await this.iceServers.get();
    if (this.botHoldsPeers) {
      const peer = this.inBot(session, iceServers, adaptAnswer);
      launch(new SmallWebRTCRunnerArguments(), { peer });
      return reply(await peer.renegotiate(offer), peer);
    }
    const connection = this.inRunner(session, iceServers, adaptAnswer);
    const replied = await reply(await connection.renegotiate(offer), connection);
    launch(new SmallWebRTCRunnerArguments({ webrtc_connection: connection }), {});
    return replied;
  }

  private inBot(
    session: Session,
    iceServers: IceServer[],
    adaptAnswer: OpenPeer<unknown>['adaptAnswer'],
  ): BotPeerConnection {
    const { options } = this;
    return new BotPeerConnection(session, {
      config: {
        iceServers,
        iceTransportPolicy: options.iceTransportPolicy,
        udpPortRange: options.udpPortRange,
        gatheringTimeoutMs: options.gatheringTimeoutMs,
        connectTimeoutMs: options.connectTimeoutMs,
        peerTimeoutMs: options.peerTimeoutMs,
      },
      adaptAnswer: (sdp) => adaptAnswer(withHostAddresses(sdp, options.hostAddresses)),
      answerTimeoutMs: options.answerTimeoutMs,
    });
  }

  private inRunner(
    session: Session,
    iceServers: IceServer[],
    adaptAnswer: OpenPeer<unknown>['adaptAnswer'],
  ): SmallWebRTCConnection {
    const { options, stack } = this;
    const peerOptions = { ...options, iceServers, udpPortRange: options.udpPortRange };
    const connection = new SmallWebRTCConnection(
      {
        ...options,
        sessionId: session.id,
        createPeer: (events: PeerEvents) => stack!.create(peerOptions, events),
        adaptAnswer,
      },
      {
        bot: session,
        warn: (message) => session.logger.warn(message),
        fail: (thrown) => session.fail(thrown),
        ended: (end) => void session.end(new SessionEnd(codeOf(end, connection), end.message)),
      },
    );
    session.onEnd(({ message }) => connection.disconnect({ reason: 'aborted', message }));
    return connection;
  }
}

function codeOf({ reason }: MediaEnd, connection: SmallWebRTCConnection) {
  if (reason === 'closed') return 'completed';
  return reason === 'failed' && !connection.wasConnected ? 'expired' : 'peer_left';
}
