import { beforeEach, describe, expect, it } from '@jest/globals';
import { BROWSER_OFFER } from '../../../test/support/offers.js';
import type { PeerRequest } from '../../bot/bot-peer.js';
import { Session } from '../../sessions/session.js';
import { BotPeerConnection } from './bot-peer-connection.js';
import { type Offer, readOffer } from './sdp.js';

let connection: BotPeerConnection;
let sent: PeerRequest[];
beforeEach(() => {
  const session = new Session('x', { transport: 'webrtc' }, () => undefined);
  connection = new BotPeerConnection(session, {
    config: {
      iceServers: [],
      iceTransportPolicy: 'all',
      gatheringTimeoutMs: 1_000,
      connectTimeoutMs: 1_000,
      peerTimeoutMs: 1_000,
    },
    adaptAnswer: (sdp) => sdp,
    answerTimeoutMs: 1,
  });
  sent = [];
});

const OFFER = readOffer(BROWSER_OFFER, false);

/** Code of the error of an offer that no bot answers. */
const offer = (changes: Partial<Offer>): Promise<string> =>
  connection.renegotiate({ ...OFFER, ...changes }).then(
    () => 'answered',
    (error: { code: string }) => error.code,
  );
const addCandidates = (count: number): void => {
  for (let i = 0; i < count; i++)
    connection.addCandidate(`candidate:${i} 1 udp 1 10.0.0.1 9 typ host`, { index: 0 });
};
const start = (): void => connection.connectTo((request) => sent.push(request));

it('answers OVERLOADED when the bot’s process could open no UDP port', async () => {
  start();
  for (const [sdp, outcome] of [
    [BROWSER_OFFER.replace(/^a=candidate:.*\r\n/gm, ''), 'OVERLOADED'],
    [BROWSER_OFFER, 'answered'],
  ] as const) {
    const answer = offer({});
    const { id } = sent.at(-1) as Extract<PeerRequest, { type: 'offer' }>;
    connection.receive({ type: 'answer', id, sdp });
    expect(await answer).toBe(outcome);
  }
});

describe('the signalling of a client whose bot is not started', () => {
  it('is refused when 200 messages wait', async () => {
    expect(await offer({ ufrag: 'a' })).toBe('NOT_READY');
    addCandidates(100);
    expect(await offer({ ufrag: 'b' })).toBe('NOT_READY');
    addCandidates(98);
    expect(() => addCandidates(1)).toThrow(
      expect.objectContaining({ code: 'BAD_REQUEST', message: expect.stringMatching(/200/) }),
    );
    expect(await offer({ ufrag: 'c' })).toBe('BAD_REQUEST');
    start();
    expect(sent).toHaveLength(200);
  });

  it('is refused when two megabytes wait', async () => {
    const long = { original: '\u20ac'.repeat(100_000) };
    for (let i = 0; i < 6; i++) expect(await offer(long)).toBe('NOT_READY');
    expect(await offer(long)).toBe('BAD_REQUEST');
    start();
    expect(await offer(long)).toBe('NOT_READY');
    expect(sent).toHaveLength(7);
  });
});

describe('the candidates of a client', () => {
  it('are a hundred of each ICE generation and a thousand in all', async () => {
    start();
    for (let i = 0; i < 20; i++) {
      await offer({ ufrag: `generation${i}` });
      addCandidates(300);
    }
    const candidates = sent.map(({ type }) => (type === 'candidates' ? 1 : 0));
    expect(candidates.slice(0, 102)).toEqual([0, ...Array<number>(100).fill(1), 0]);
    expect(candidates.filter(Boolean)).toHaveLength(1_000);
  });
});
