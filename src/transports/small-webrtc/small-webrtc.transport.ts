import { Injectable } from '@nestjs/common';
import { RunnerTransport, type StartContext } from '../runner-transport.js';
import { TransportRegistry } from '../transport-registry.js';
import { IceServers } from './ice-servers.js';
import { WebRtcConnections } from './webrtc-connections.js';
import { WEBRTC } from './webrtc-sessions.js';

/** Google's public STUN server, for clients that request default ICE servers where the runner has none. */
const DEFAULT_ICE_SERVERS = [{ urls: 'stun:stun.l.google.com:19302' }];

/** Peer-to-peer WebRTC for `/start`. */
@Injectable()
export class SmallWebRtcTransport extends RunnerTransport {
  readonly names = [WEBRTC];

  constructor(
    private readonly connections: WebRtcConnections,
    private readonly iceServers: IceServers,
    registry: TransportRegistry,
  ) {
    super();
    registry.register(this);
  }

  override get kind() {
    return 'peer' as const;
  }

  override get disabledReason(): string | undefined {
    return this.connections.disabledReason;
  }

  /** Leaves the session pending until its offer arrives. */
  async start({ request }: StartContext): Promise<Record<string, unknown>> {
    let iceServers = await this.iceServers.get();
    if (iceServers.length === 0 && request.enableDefaultIceServers) {
      iceServers = DEFAULT_ICE_SERVERS;
    }
    // The published clients reject an empty `iceConfig`, and those of iOS and Android `urls` that is no list.
    const listed = iceServers.map((server) => ({ ...server, urls: [server.urls].flat() }));
    return listed.length > 0 ? { iceConfig: { iceServers: listed } } : {};
  }
}
