import type { PeerOptions } from '../../src/transports/small-webrtc/peer/peer.js';

/** Options of a peer connection that gathers for no time, without servers. */
export const PEER_OPTIONS: PeerOptions = {
  iceServers: [],
  iceTransportPolicy: 'all',
  hostAddresses: [],
  udpPortRange: undefined,
  gatheringTimeoutMs: 1,
};
