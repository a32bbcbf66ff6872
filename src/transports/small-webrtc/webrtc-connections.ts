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

/** Makes the connections of sessions. */
@Injectable()
export class WebRtcConnections {
  constructor(
    @Inject(SMALL_WEBRTC_OPTIONS) private readonly options: ResolvedSmallWebRtcOptions,
    @Inject(PEER_STACK) private readonly stack: PeerStack | undefined,
    private readonly iceServers: IceServers,
    private readonly launcher: BotLauncher,
  ) {}

  /** Why there can be none, with the fix; `undefined` where there can. */
  get disabledReason(): string | undefined {
    return this.stack
      ? // A host may give any object with a launch() method.
        this.launcher.refusal?.(SmallWebRTCRunnerArguments)
      : 'werift or libopus-wasm is not installed: npm install werift libopus-wasm';
  }

  /**
   * A connection that ends with its session, as the session does with it.
   * @param adaptAnswer what is done to an answer before the client gets it
   * @throws {RunnerError} `PROVIDER_REFUSED` when there are no ICE servers to be had
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
