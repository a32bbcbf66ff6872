import { describe, expect, it } from '@jest/globals';
import type { RunnerError } from '../../errors/runner.error.js';
import { BROWSER_OFFER } from '../../../test/support/offers.js';
import type { Peer, PeerEvents, RemoteCandidate } from './peer/peer.js';
import { readOffer } from './sdp.js';
import { SmallWebRTCConnection } from './small-webrtc-connection.js';

/** A connection that is negotiated, whose client the test plays. */
async function negotiated() {
  let events!: PeerEvents;
  const peer = {
    answer: async () => ({ sdp: BROWSER_OFFER.replace('actpass', 'active'), tracks: [] }),
    send: () => false,
    close: async () => undefined,
  };
  const warnings: string[] = [];
  const connection = new SmallWebRTCConnection(
    {
      createPeer: (given) => {
        events = given;
        return peer as unknown as Peer;
      },
      adaptAnswer: (sdp) => sdp,
      connectTimeoutMs: 60_000,
      peerTimeoutMs: 60_000,
    },
    { warn: (message) => warnings.push(message), fail: () => undefined, ended: () => undefined },
  );
  await connection.renegotiate(readOffer(BROWSER_OFFER));
  return { connection, events, warnings };
}

describe('SmallWebRTCConnection', () => {
  it.each(['0', '""', '[]', '{"a":1}'])(
    'keeps a thousand messages that nobody reads, however short: %s',
    async (text) => {
      const { connection, events, warnings } = await negotiated();
      for (let i = 0; i < 100_000; i++) events.message(text);
      let count = 0;
      connection.on('app-message', () => count++);
      await new Promise((resolve) => setImmediate(resolve));
      expect(count).toBeGreaterThan(500);
      expect(count).toBeLessThanOrEqual(1_000);
      // Once, and not for each that was dropped.
      expect(warnings).toEqual(['the bot does not read its messages; the oldest are dropped']);
      await connection.disconnect();
    },
  );

  it('answers ten offers one after the other, and refuses more that wait', async () => {
    const { connection } = await negotiated();
    const offers = Array.from({ length: 15 }, () =>
      connection.renegotiate(readOffer(BROWSER_OFFER)).then(
        () => 'answered',
        (error: RunnerError) => `${error.code}: ${error.message}`,
      ),
    );
    const outcomes = await Promise.all(offers);
    expect(outcomes.slice(0, 10)).toEqual(Array(10).fill('answered'));
    expect(outcomes.slice(10)).toEqual(
      Array(5).fill('WRONG_STATE: 10 offers of this client wait for their answer.'),
    );
    await expect(connection.renegotiate(readOffer(BROWSER_OFFER))).resolves.toBeDefined();
    await connection.disconnect();
  });

  it('writes no line into the log for each message that cannot be read or sent', async () => {
    const { connection, events, warnings } = await negotiated();
    for (let i = 0; i < 1_000; i++) events.message('no JSON');
    expect(warnings).toEqual([expect.stringMatching(/a message that is not JSON/)]);
    for (let i = 0; i < 1_000; i++) connection.sendAppMessage(i);
    expect(warnings).toHaveLength(2);
    await connection.disconnect();
  });

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
