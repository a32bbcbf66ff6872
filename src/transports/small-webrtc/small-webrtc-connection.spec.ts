import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { RunnerError } from '../../errors/runner.error.js';
import { BROWSER_OFFER } from '../../../test/support/offers.js';
import type { RtpPacket } from '../../media/rtp/rtp-packet.js';
import type { NegotiatedTrack, Peer, PeerEvents, RemoteCandidate } from './peer/peer.js';
import { readOffer } from './sdp.js';
import { SmallWebRTCConnection } from './small-webrtc-connection.js';

const SENDS = { clientSends: true, clientReceives: true };
const TRACKS: NegotiatedTrack[] = [
  { name: 'microphone', codec: 'opus', ...SENDS },
  { name: 'camera', codec: 'VP8', ...SENDS },
  { name: 'screenVideo', codec: 'VP8', ...SENDS },
];

/** A connection to a client that is played by the test, with what its observer was told. */
async function connected(close: () => Promise<void> = async () => undefined) {
  const told = { warnings: [] as string[], failures: [] as unknown[] };
  let events!: PeerEvents;
  const peer = {
    answer: async () => ({ sdp: BROWSER_OFFER.replace('actpass', 'active'), tracks: TRACKS }),
    send: () => true,
    requestKeyframe: () => undefined,
    close,
  };
  const connection = new SmallWebRTCConnection(
    {
      sessionId: 'x',
      createPeer: (given) => {
        events = given;
        return peer as unknown as Peer;
      },
      adaptAnswer: (sdp) => sdp,
      connectTimeoutMs: 1_000,
      peerTimeoutMs: 1_000,
    },
    {
      warn: (message) => told.warnings.push(message),
      fail: (thrown) => told.failures.push(thrown),
      ended: () => undefined,
    },
  );
  await connection.renegotiate(readOffer(BROWSER_OFFER));
  events.connected();
  return { connection, events, told };
}

/** A connection that is negotiated, whose client the test plays. */
async function negotiated() {
  let events!: PeerEvents;
  const peer = {
    answer: async () => ({ sdp: BROWSER_OFFER.replace('actpass', 'active'), tracks: [] }),
    send: (text: string) => sent.open && sent.texts.push(text) > 0,
    close: async () => undefined,
  };
  const sent = { open: false, texts: [] as string[] };
  const warnings: string[] = [];
  const connection = new SmallWebRTCConnection(
    {
      sessionId: 'x',
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
  return { connection, events, sent, warnings };
}

/** A connection whose peer is fake. */
const connectionTo = (peer: object): SmallWebRTCConnection =>
  new SmallWebRTCConnection(
    {
      sessionId: 'x',
      createPeer: () => peer as Peer,
      adaptAnswer: (sdp) => sdp,
      connectTimeoutMs: 1_000,
      peerTimeoutMs: 1_000,
    },
    { warn: () => undefined, fail: () => undefined, ended: () => undefined },
  );

describe('SmallWebRTCConnection', () => {
  it.each(['0', '""', '[]', '{"a":1}'])(
    'keeps a thousand messages that nobody reads, however short: %s',
    async (text) => {
      const { connection, events, warnings } = await negotiated();
      for (let i = 0; i < 100_000; i++) events.message(text);
      let count = 0;
      connection.on('app-message', () => count++);
      await setImmediate();
      expect(count).toBeGreaterThan(500);
      expect(count).toBeLessThanOrEqual(1_000);
      // Once, and not for each that was dropped.
      expect(warnings).toEqual(['the bot does not read its messages; the oldest are dropped']);
      await connection.disconnect();
    },
  );

  it('keeps a thousand changes of its state that nobody reads', async () => {
    const { connection, events } = await negotiated();
    for (let i = 0; i < 1_100; i++) {
      events.connected();
      await connection.renegotiate(readOffer(BROWSER_OFFER), true);
    }
    let count = 0;
    connection.on('disconnected', () => count++);
    await setImmediate();
    expect(count).toBe(1_000);
    await connection.disconnect();
  });

  it('takes no more media sections than a browser makes, but those of a new peer connection', async () => {
    const { connection } = await negotiated();
    const renamed = (name: string): string =>
      BROWSER_OFFER.replace(/^a=mid:/gm, `$&${name}`).replace(/^(a=group:BUNDLE) .*$/m, '$1');
    for (let at = 0; at < 15; at++) await connection.renegotiate(readOffer(renamed(`${at}-`)));
    await expect(connection.renegotiate(readOffer(renamed('more-')))).rejects.toMatchObject({
      code: 'BAD_REQUEST',
    });
    await connection.renegotiate(readOffer(BROWSER_OFFER));
    await connection.renegotiate(readOffer(renamed('more-')), true);
    await connection.disconnect();
  });

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
    const connection = connectionTo(peer);
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
    for (let i = 10; i < 30; i++) {
      await connection.renegotiate(
        readOffer(BROWSER_OFFER.replaceAll('a=ice-ufrag:6Yi6', `a=ice-ufrag:6Yi${i}`)),
      );
      flood();
    }
    expect(tried).toHaveLength(1_000);
    await connection.disconnect();
  });

  it('adds candidates of an ICE restart that come before its answer', async () => {
    const tried: RemoteCandidate[] = [];
    let answer: () => void = () => undefined;
    const answered = { sdp: BROWSER_OFFER.replace('actpass', 'active'), tracks: [] };
    const peer = {
      answer: () => new Promise((resolve) => (answer = () => resolve(answered))),
      addCandidate: (candidate: RemoteCandidate) => tried.push(candidate),
      send: () => false,
      close: async () => undefined,
    };
    const connection = connectionTo(peer);
    const negotiate = async (ufrag: string, candidates: string[]): Promise<void> => {
      const sdp = BROWSER_OFFER.replaceAll('a=ice-ufrag:6Yi6', `a=ice-ufrag:${ufrag}`);
      const negotiating = connection.renegotiate(readOffer(sdp));
      await setImmediate();
      for (const candidate of candidates) connection.addCandidate(candidate, { index: 0 });
      expect(tried).toEqual([]);
      answer();
      await negotiating;
    };
    const candidate = (ufrag: string): string =>
      `candidate:1 1 udp 1 10.0.0.1 9 typ host ufrag ${ufrag}`;
    await negotiate('6Yi6', []);
    await negotiate('7Zj7', [candidate('6Yi6'), candidate('7Zj7')]);
    await setImmediate();
    expect(tried.map((one) => one.candidate)).toEqual([candidate('7Zj7')]);
    await connection.disconnect();
  });

  it.each([
    '"__proto__"',
    '"constructor"',
    '"length"',
    '"0"',
    '-1',
    '3',
    '0.5',
    '1e999',
    'null',
    '[0]',
    '{"valueOf":0}',
  ])('mutes no track, and changes nothing else, for the receiver_index %s', async (index) => {
    const { connection, events } = await connected();
    const status = (enabled: boolean): void =>
      events.message(
        `{"type":"signalling","message":{"type":"trackStatus","receiver_index":${index},"enabled":${enabled}}}`,
      );
    status(false);
    status(true);
    const { audio, camera, screenVideo } = connection;
    expect([audio, camera, screenVideo].map(({ enabled }) => enabled)).toEqual([true, true, true]);
    for (const shared of [Array.prototype, Object.prototype, Array]) {
      expect('enabled' in shared).toBe(false);
    }
    await connection.disconnect();
  });

  it('mutes the track of a receiver_index', async () => {
    const { connection, events } = await connected();
    const message = { type: 'trackStatus', receiver_index: 1, enabled: false };
    events.message(JSON.stringify({ type: 'signalling', message }));
    expect([connection.audio.enabled, connection.camera.enabled]).toEqual([true, false]);
    await connection.disconnect();
  });

  it('tells of listeners of its tracks that throw or reject', async () => {
    const { connection, events, told } = await connected();
    const packet = { payload: Buffer.alloc(1) } as RtpPacket;
    connection.audio.on('packet', () => {
      throw new Error('sync');
    });
    const rejecting = (): unknown => Promise.reject(new Error('async'));
    connection.camera.on('keyframe-requested', rejecting);
    events.rtp('microphone', packet);
    events.keyframeRequested('camera');
    await setImmediate();
    expect(told.failures.map(String)).toEqual(['Error: sync', 'Error: async']);
    await connection.disconnect();
  });

  it('is closed though its peer fails to, whoever waits for it', async () => {
    const { connection, events, told } = await connected(() => Promise.reject(new Error('no')));
    events.left();
    await setImmediate();
    await connection.disconnect();
    expect(told.warnings).toEqual(['closing the peer connection failed: Error: no']);
  });
});

describe('messages before the data channel opens', () => {
  it.each([
    ['50 messages', 1, 50],
    ['a million characters', 400_000, 2],
  ])('are queued up to %s', async (_, length, count) => {
    const { connection, events, sent, warnings } = await negotiated();
    const all = Array.from({ length: 60 }, (_, i) => ({ i, text: 'x'.repeat(length) }));
    const taken = all.filter((message) => connection.sendAppMessage(message));
    expect(taken).toEqual(all.slice(0, count));
    expect(warnings).toEqual([
      expect.stringMatching(/wait for the client; the newest are dropped/),
    ]);
    events.connected();
    sent.open = true;
    events.channelOpen();
    expect(sent.texts.map((text) => JSON.parse(text) as unknown)).toEqual(taken);
    expect(connection.sendAppMessage('now')).toBe(true);
    await connection.disconnect();
  });
});

describe('a connection whose peer is replaced', () => {
  beforeEach(() => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate'] });
  });
  afterEach(() => void jest.useRealTimers());

  /** A peer connection that the test plays. */
  class FakePeer {
    isOpen = false;
    readonly sent: string[] = [];
    readonly candidates: RemoteCandidate[] = [];
    answer: Peer['answer'] = async () => ({
      sdp: BROWSER_OFFER.replace('actpass', 'active'),
      tracks: [],
    });
    close: Peer['close'] = async () => undefined;
    constructor(readonly events: PeerEvents) {}

    send(text: string): boolean {
      return this.isOpen && this.sent.push(text) > 0;
    }
    addCandidate(candidate: RemoteCandidate): void {
      this.candidates.push(candidate);
    }
    open(): void {
      this.isOpen = true;
      this.events.connected();
      this.events.channelOpen();
    }
  }

  function setUp(prepare: (peer: FakePeer) => void = () => undefined) {
    const peers: FakePeer[] = [];
    const warnings: string[] = [];
    const connection = new SmallWebRTCConnection(
      {
        sessionId: 'x',
        createPeer: (events) => {
          const peer = new FakePeer(events);
          prepare(peer);
          peers.push(peer);
          return peer as unknown as Peer;
        },
        adaptAnswer: (sdp) => sdp,
        connectTimeoutMs: 60_000,
        peerTimeoutMs: 9_000,
      },
      { warn: (message) => warnings.push(message), fail: () => undefined, ended: () => undefined },
    );
    const negotiate = (restart = false) =>
      connection.renegotiate(readOffer(BROWSER_OFFER), restart);
    return { connection, peers, warnings, negotiate };
  }

  it('hears nothing more of the one before, nor ends because of its silence', async () => {
    const { connection, peers, warnings, negotiate } = setUp();
    await negotiate();
    peers[0]!.open();
    peers[0]!.events.message('ping: 1764200000');
    expect(warnings).toEqual([]);
    await negotiate(true);
    expect(connection.state).toBe('disconnected');
    peers[0]!.events.failed('gone');
    peers[0]!.events.left();
    jest.advanceTimersByTime(50_000);
    expect(connection.state).toBe('disconnected');
    peers[1]!.open();
    expect(connection.state).toBe('connected');
    await connection.disconnect();
    expect(jest.getTimerCount()).toBe(0);
  });

  it('queues as much as the first time', async () => {
    const { connection, peers, negotiate } = setUp();
    const long = 'x'.repeat(400_000);
    for (const restart of [false, true]) {
      await negotiate(restart);
      expect([1, 2, 3].map(() => connection.sendAppMessage(long))).toEqual([true, true, false]);
      peers.at(-1)!.open();
      expect(peers.at(-1)!.sent).toHaveLength(2);
    }
    await connection.disconnect();
  });

  it('was never disconnected where it was not connected', async () => {
    const { connection, negotiate } = setUp();
    const events: string[] = [];
    connection.on('disconnected', () => events.push('disconnected'));
    await setImmediate();
    await negotiate();
    await negotiate(true);
    expect([connection.state, events]).toEqual(['connecting', []]);
    await connection.disconnect();
  });

  it('answers no offer when it was closed meanwhile', async () => {
    let answer!: () => void;
    const { connection, peers, negotiate } = setUp((peer) => {
      const { answer: now } = peer;
      peer.answer = async (sdp) => {
        await new Promise<void>((resolve) => (answer = resolve));
        return now(sdp);
      };
    });
    const refused = expect(negotiate()).rejects.toMatchObject({ code: 'WRONG_STATE' });
    while (peers.length === 0) await setImmediate();
    await connection.disconnect();
    answer();
    await refused;
    expect(connection.answer).toBeUndefined();
  });

  it('is closed when its peer is', async () => {
    let close!: () => void;
    const closing = new Promise<void>((resolve) => (close = resolve));
    const { connection, peers, negotiate } = setUp((peer) => (peer.close = () => closing));
    await negotiate();
    // Its data channel never opens.
    peers[0]!.events.connected();
    let isClosed = false;
    const closed = connection.disconnect().then(() => (isClosed = true));
    await setImmediate();
    expect(isClosed).toBe(false);
    expect(jest.getTimerCount()).toBe(0);
    close();
    await closed;
  });

  it('takes no candidate of another generation, and unmutes no track that is not offered', async () => {
    const { connection, peers, negotiate } = setUp();
    await negotiate();
    const line = 'candidate:1 1 udp 1 10.0.0.1 9 typ host';
    connection.addCandidate(`${line} ufrag none`, { index: 0 });
    expect(peers[0]!.candidates).toEqual([]);
    connection.addCandidate(`${line} ufrag 6Yi6`, { index: 0 });
    expect(peers[0]!.candidates).toHaveLength(1);
    const message = { type: 'trackStatus', receiver_index: 0, enabled: true };
    peers[0]!.events.message(JSON.stringify({ type: 'signalling', message }));
    expect(connection.audio.enabled).toBe(false);
    await connection.disconnect();
  });
});
