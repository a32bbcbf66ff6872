import { Inject, Injectable } from '@nestjs/common';
import { RunnerTransport, type StartContext } from '../runner-transport.js';
import { TransportRegistry } from '../transport-registry.js';
import { IceServers } from './ice-servers.js';
import { PEER_STACK } from './peer-stack.token.js';
import type { PeerStack } from './peer/peer.js';
import { WEBRTC } from './webrtc-sessions.js';

/** Google's public server, for clients that ask for one where the runner has none. */
const DEFAULT_ICE_SERVERS = [{ urls: 'stun:stun.l.google.com:19302' }];

/** WebRTC without a server between, as `/start` sees it. */
@Injectable()
export class SmallWebRtcTransport extends RunnerTransport {
  readonly names = [WEBRTC];

  constructor(
    @Inject(PEER_STACK) private readonly stack: PeerStack | undefined,
    private readonly iceServers: IceServers,
    registry: TransportRegistry,
  ) {
    super();
    registry.register(this);
  }

  override get disabledReason(): string | undefined {
    return this.stack
      ? undefined
      : 'werift or libopus-wasm is not installed: npm install werift libopus-wasm';
  }

  /** The session waits for its offer. */
  async start({ request }: StartContext): Promise<Record<string, unknown>> {
    let iceServers = await this.iceServers.get();
    if (iceServers.length === 0 && request.enableDefaultIceServers) {
      iceServers = DEFAULT_ICE_SERVERS;
    }
    // Without any there must be no `iceConfig`: the published client takes no empty one.
    return iceServers.length > 0 ? { iceConfig: { iceServers } } : {};
  }
}
