import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { BROWSER_OFFER } from '../../../test/support/offers.js';
import type { PeerRequest } from '../../bot/bot-peer.js';
import { SessionEnd } from '../../bot/session-end.js';
import { Session } from '../../sessions/session.js';
import { BotPeerConnection } from './bot-peer-connection.js';
import { type Offer, readOffer } from './sdp.js';

let connection: BotPeerConnection;
let session: Session;
let sent: PeerRequest[];
beforeEach(() => {
  session = new Session('x', { transport: 'webrtc' }, () => undefined);
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

const STOPPED = new SessionEnd('stopped', 'enough');

describe('the timers of a client whose bot holds the connection', () => {
  beforeEach(() => {
    jest.useFakeTimers();
    start();
  });
  afterEach(() => void jest.useRealTimers());

  const ANSWER = 'v=0\r\na=candidate:1 1 udp 1 127.0.0.1 9 typ host\r\n';

  /** The bot answers the next offer. */
  async function answered(): Promise<void> {
    const { id } = sent.filter((request) => request.type === 'offer').at(-1)!;
    connection.receive({ type: 'answer', id, sdp: ANSWER });
    await Promise.resolve();
  }

  it('are those of the offers that wait, ten of them at a time', async () => {
    for (let i = 0; i < 30; i++) {
      const answer = connection.renegotiate(OFFER, i === 0);
      await answered();
      await expect(answer).resolves.toMatchObject({ sdp: ANSWER, pc_id: connection.pcId });
    }
    connection.receive({ type: 'peer', state: 'connected' });
    expect(jest.getTimerCount()).toBe(0);
    const codes = Array.from({ length: 11 }, () => offer({}));
    jest.advanceTimersByTime(1);
    expect(await Promise.all(codes)).toEqual([
      ...Array<string>(10).fill('NOT_READY'),
      'WRONG_STATE',
    ]);
  });

  it('end the session of a client that does not connect, and of no other', async () => {
    const answer = connection.renegotiate(OFFER);
    await answered();
    await answer;
    connection.receive({ type: 'peer', state: 'connected' });
    jest.advanceTimersByTime(1_000);
    expect(session.ending).toBeUndefined();
    const again = connection.renegotiate(OFFER, true);
    await answered();
    await again;
    jest.advanceTimersByTime(1_000);
    await expect(session.ended).resolves.toMatchObject({ code: 'expired' });
  });

  it('end with the session', async () => {
    const answer = connection.renegotiate(OFFER);
    await answered();
    await answer;
    await session.end(STOPPED);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('do not begin with an answer that is sent when the session has ended', async () => {
    const answer = connection.renegotiate(OFFER);
    const replied = answered();
    const ended = session.end(STOPPED);
    await Promise.all([answer, replied, ended]);
    expect(jest.getTimerCount()).toBe(0);
  });
});
