import { Inject, Injectable } from '@nestjs/common';
import { BotLauncher } from '../../bot/bot-launcher.js';
import { SessionEnd } from '../../bot/session-end.js';
import type { MediaEnd } from '../../media/media-connection.js';
import type { Session } from '../../sessions/session.js';
import { SmallWebRTCRunnerArguments } from './dto/small-webrtc-runner-arguments.dto.js';
import { IceServers } from './ice-servers.js';
import { PEER_STACK } from './peer-stack.token.js';
import type { PeerEvents, PeerStack } from './peer/peer.js';
import { SmallWebRTCConnection } from './small-webrtc-connection.js';
import { type ResolvedSmallWebRtcOptions, SMALL_WEBRTC_OPTIONS } from './small-webrtc.options.js';

/** Creates the peer connections of sessions. */
@Injectable()
export class WebRtcConnections {
  constructor(
    @Inject(SMALL_WEBRTC_OPTIONS) private readonly options: ResolvedSmallWebRtcOptions,
    @Inject(PEER_STACK) private readonly stack: PeerStack | undefined,
    private readonly iceServers: IceServers,
    private readonly launcher: BotLauncher,
  ) {}

  /** Reason why WebRTC is unavailable, with the fix; `undefined` when it is available. */
  get disabledReason(): string | undefined {
    return this.stack
      ? // A host may provide any object with a launch() method.
        this.launcher.refusal?.(SmallWebRTCRunnerArguments)
      : 'werift or libopus-wasm is not installed: npm install werift libopus-wasm';
  }

  /**
   * Creates a connection that ends with its session, and the session with it.
   * @param adaptAnswer rewrites the SDP of an answer before it is sent
   * @throws {RunnerError} `PROVIDER_REFUSED` when the ICE servers cannot be obtained
   */
  async create(
    session: Session,
    adaptAnswer: (sdp: string) => string,
  ): Promise<SmallWebRTCConnection> {
    const { options, stack } = this;
    const iceServers = await this.iceServers.get();
    const peerOptions = { ...options, iceServers, udpPortRange: options.udpPortRange };
    const connection = new SmallWebRTCConnection(
      {
        ...options,
        createPeer: (events: PeerEvents) => stack!.create(peerOptions, events),
        adaptAnswer,
      },
      {
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
