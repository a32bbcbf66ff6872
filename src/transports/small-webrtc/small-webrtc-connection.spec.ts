import { describe, expect, it } from '@jest/globals';
import { BROWSER_OFFER } from '../../../test/support/offers.js';
import type { Peer, RemoteCandidate } from './peer/peer.js';
import { readOffer } from './sdp.js';
import { SmallWebRTCConnection } from './small-webrtc-connection.js';

describe('SmallWebRTCConnection', () => {
  it('knocks at a hundred addresses that a client names, and at no more before it restarts', async () => {
    const tried: RemoteCandidate[] = [];
    const peer = {
      answer: async () => ({ sdp: BROWSER_OFFER.replace('actpass', 'active'), tracks: [] }),
      addCandidate: (candidate: RemoteCandidate) => tried.push(candidate),
      send: () => false,
      close: async () => undefined,
    };
    const connection = new SmallWebRTCConnection(
      {
        createPeer: () => peer as unknown as Peer,
        adaptAnswer: (sdp) => sdp,
        connectTimeoutMs: 1_000,
        peerTimeoutMs: 1_000,
      },
      { warn: () => undefined, fail: () => undefined, ended: () => undefined },
    );
    const flood = (): void => {
      for (let i = 0; i < 300; i++) {
        const address = `10.0.${i >> 8}.${i & 255}`;
        connection.addCandidate(`candidate:${i} 1 udp 1 ${address} 9 typ host`, { index: 0 });
      }
    };
    await connection.renegotiate(readOffer(BROWSER_OFFER));
    flood();
    expect(tried).toHaveLength(100);
    await connection.renegotiate(readOffer(BROWSER_OFFER));
    flood();
    expect(tried).toHaveLength(100);
    await connection.renegotiate(
      readOffer(BROWSER_OFFER.replaceAll('a=ice-ufrag:6Yi6', 'a=ice-ufrag:7Zj7')),
    );
    flood();
    expect(tried).toHaveLength(200);
    await connection.disconnect();
  });
});
