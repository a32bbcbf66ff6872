import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import * as werift from 'werift';
import {
  clientHello,
  connectivityCheck,
  endlessExtension,
  Stranger,
} from '../../../test/support/datagrams.js';
import { guardIce, hasSoundExtension } from './guard-ice.js';

/** Parts of werift's agent that are not in its types. */
interface Internals {
  readonly ensureProtocol: (protocol: object) => void;
  readonly earlyChecks: readonly unknown[];
}

const OPTIONS = { useIpv4: true, useIpv6: false };
const CLIENT: werift.Address = ['192.0.2.7', 40_000];
const RTP = Buffer.from([0x80, 96, ...Array.from({ length: 30 }, () => 0)]);

let ours: werift.Connection;
beforeEach(() => {
  ours = new werift.Connection(false, OPTIONS);
  ours.stunServer = undefined;
  guardIce(werift, ours);
});
afterEach(() => ours.close());

/** A check of the client's. */
const authentic = (): Buffer =>
  connectivityCheck(`${ours.localUsername}:theirs`, ours.localPassword);

/** Returns which datagrams from an address werift's socket gets to see. */
function socket() {
  const received: Buffer[] = [];
  const protocol = {
    type: 'stun',
    localCandidate: new werift.Candidate('1', 1, 'udp', 1, '127.0.0.1', 9, 'host'),
    onRequestReceived: new werift.Event(),
    onDataReceived: new werift.Event(),
    transactions: {} as Record<string, object>,
    datagramReceived: (data: Buffer, _: werift.Address) => void received.push(data),
  };
  (ours as unknown as Internals).ensureProtocol(protocol);
  const takes = (data: Buffer, from = CLIENT): boolean => {
    received.length = 0;
    protocol.datagramReceived(data, from);
    return received.includes(data);
  };
  return { protocol, takes };
}

describe('an ICE agent of the runner', () => {
  it.each([
    ['DTLS', clientHello()],
    ['RTP', RTP],
    ['RTCP', Buffer.from([0x81, 201, 0, 1, 0, 0, 0, 0])],
  ])('takes %s only from an address from which the client made a check', (_, data) => {
    const { takes } = socket();
    expect(takes(data)).toBe(false);
    expect(takes(connectivityCheck('x:y'))).toBe(false);
    expect(takes(connectivityCheck(`${ours.localUsername}:y`, 'guessed'))).toBe(false);
    expect(takes(data)).toBe(false);
    expect(takes(authentic())).toBe(true);
    expect(takes(data)).toBe(true);
    expect(takes(data, ['192.0.2.7', 40_001])).toBe(false);
    expect(takes(data, ['192.0.2.8', 40_000])).toBe(false);
  });

  it('takes data from an address that answered a check of ours, as that of a server that makes none itself', () => {
    const { protocol, takes } = socket();
    const pair = new werift.CandidatePair(
      protocol as never,
      new werift.Candidate('1', 1, 'udp', 1, ...CLIENT, 'host'),
      true,
    );
    const checkComplete = (): void =>
      (ours as unknown as { checkComplete(pair: werift.CandidatePair): void }).checkComplete(pair);
    pair.updateState(werift.CandidatePairState.FAILED);
    checkComplete();
    expect(takes(RTP)).toBe(false);
    pair.updateState(werift.CandidatePairState.SUCCEEDED);
    checkComplete();
    expect(takes(RTP)).toBe(true);
  });

  it('goes on taking data while ICE restarts, and checks of the generation before', () => {
    const { takes } = socket();
    const before = authentic();
    expect(takes(before)).toBe(true);
    void ours.restart();
    expect(takes(RTP)).toBe(true);
    expect(takes(before, ['192.0.2.9', 1])).toBe(true);
    expect(takes(authentic(), ['192.0.2.10', 1])).toBe(true);
    expect(takes(RTP, ['192.0.2.10', 1])).toBe(true);
  });

  it('takes no answer to what it did not ask, and no indication', () => {
    const { protocol, takes } = socket();
    const answer = new werift.Message(werift.methods.BINDING, werift.classes.RESPONSE);
    expect(takes(answer.bytes)).toBe(false);
    protocol.transactions[answer.transactionIdHex] = {};
    expect(takes(answer.bytes)).toBe(true);
    const indication = new werift.Message(werift.methods.BINDING, werift.classes.INDICATION);
    expect(takes(indication.bytes)).toBe(false);
  });

  it('takes a hundred refusals of its checks, each of which it repeats, and no more', () => {
    const { protocol, takes } = socket();
    const answerOf = (messageClass: werift.classes): Buffer => {
      const answer = new werift.Message(werift.methods.BINDING, messageClass);
      protocol.transactions[answer.transactionIdHex] = {};
      return answer.bytes;
    };
    for (let i = 0; i < 100; i++) expect(takes(answerOf(werift.classes.ERROR))).toBe(true);
    expect(takes(answerOf(werift.classes.ERROR))).toBe(false);
    expect(takes(answerOf(werift.classes.RESPONSE))).toBe(true);
  });

  it('takes no RTP that would keep it busy, not even from the client', () => {
    const { takes } = socket();
    takes(authentic());
    expect(takes(endlessExtension())).toBe(false);
    for (const data of [Buffer.alloc(0), Buffer.of(0x90), Buffer.of(22), Buffer.of(0)]) {
      expect(() => takes(data)).not.toThrow();
    }
  });

  it('takes no RTCP larger than a packet of a network, not even from the client', () => {
    const { takes } = socket();
    takes(authentic());
    // Empty descriptions of sources, which are parsed up to the end of the datagram each.
    const descriptions = (bytes: number): Buffer =>
      Buffer.alloc(bytes, Buffer.from([0x80, 202, 0, 0]));
    expect(takes(descriptions(1_500))).toBe(true);
    expect(takes(descriptions(1_504))).toBe(false);
  });

  it('keeps a hundred early checks and the hundred addresses that were heard of last', () => {
    const { takes } = socket();
    const earlyChecks: unknown[] = [];
    Object.assign(ours, { earlyChecks });
    const ports = Array.from({ length: 100 }, (_, i) => i + 1);
    for (const port of [...ports, 1, 101]) {
      expect(takes(authentic(), ['192.0.2.7', port])).toBe(true);
    }
    expect(takes(RTP, ['192.0.2.7', 1])).toBe(true);
    expect(takes(RTP, ['192.0.2.7', 2])).toBe(false);
    expect(takes(RTP, ['192.0.2.7', 3])).toBe(true);
    earlyChecks.push(...Array.from({ length: 100 }, () => 0));
    expect(takes(authentic())).toBe(false);
  });

  it('pairs no more than a hundred addresses that the client did not name', () => {
    const { takes } = socket();
    const candidate = (port: number, type: string): number =>
      ours.remoteCandidates.push(new werift.Candidate('1', 1, 'udp', 1, '192.0.2.7', port, type));
    for (let port = 1; port <= 200; port++) candidate(port, 'host');
    for (let port = 201; port <= 300; port++) candidate(port, 'prflx');
    expect(takes(authentic(), ['192.0.2.7', 301])).toBe(false);
    expect(takes(authentic(), ['192.0.2.7', 300])).toBe(true);
    expect(takes(authentic(), ['192.0.2.7', 1])).toBe(true);
    ours.remoteCandidates.pop();
    expect(takes(authentic(), ['192.0.2.7', 301])).toBe(true);
  });

  it('hears of its client through a TURN server, and of nobody else', () => {
    const transport = { type: 'udp' };
    const turn = new werift.TurnProtocol(['192.0.2.1', 1], 'u', 'p', 600, transport as never);
    const protocol = new werift.StunOverTurnProtocol(turn);
    const candidate = new werift.Candidate('1', 1, 'udp', 1, '192.0.2.1', 9, 'relay');
    Object.assign(protocol, { localCandidate: candidate, sendStun: async () => undefined });
    (ours as unknown as Internals).ensureProtocol(protocol);
    const heard = jest.fn();
    protocol.onDataReceived.subscribe(heard);
    turn.onData.execute(RTP, CLIENT);
    turn.onData.execute(connectivityCheck(`${ours.localUsername}:x`, 'guessed'), CLIENT);
    turn.onData.execute(RTP, CLIENT);
    expect(heard).not.toHaveBeenCalled();
    turn.onData.execute(authentic(), CLIENT);
    turn.onData.execute(RTP, CLIENT);
    expect(heard).toHaveBeenCalledTimes(1);
  });

  it('refuses to work with a werift of another shape', () => {
    expect(() => guardIce(werift, {} as never)).toThrow('no method ensureProtocol');
    const opened = Object.assign(new werift.Connection(false, OPTIONS), { protocols: [{}] });
    expect(() => guardIce(werift, opened)).toThrow('open already');
    const { ensureProtocol } = ours as unknown as Internals;
    expect(() => ensureProtocol({ type: 'tcp' })).toThrow('no method datagramReceived');
  });

  it('closes a socket that is opened after its own end', async () => {
    const close = jest.fn(() => Promise.reject(new Error('closed already')));
    const { protocol } = socket();
    await ours.close();
    (ours as unknown as Internals).ensureProtocol({ ...protocol, close });
    expect(close).toHaveBeenCalledTimes(1);
  });
});

describe('two ICE agents on real sockets', () => {
  let theirs: werift.Connection;
  let stranger: Stranger;
  beforeEach(async () => {
    theirs = new werift.Connection(true, OPTIONS);
    theirs.stunServer = undefined;
    for (const [one, other] of [
      [ours, theirs],
      [theirs, ours],
    ] as const) {
      other.setRemoteParams({
        iceLite: false,
        usernameFragment: one.localUsername,
        password: one.localPassword,
      });
      await one.gatherCandidates();
      for (const candidate of one.localCandidates) await other.addRemoteCandidate(candidate);
      await other.addRemoteCandidate(undefined);
    }
    const { host, port } = ours.localCandidates[0]!;
    stranger = await Stranger.open([host, port]);
  });
  afterEach(async () => {
    await theirs.close();
    await stranger.close();
  });

  it('connect, and ours hears theirs and no stranger', async () => {
    await Promise.all([ours.connect(), theirs.connect()]);
    const heard = jest.fn();
    ours.onData.subscribe(heard);
    await stranger.send(Buffer.from([22, 1]));
    await theirs.send(Buffer.from([22, 2]));
    while (heard.mock.calls.length === 0) await new Promise(setImmediate);
    expect(heard.mock.calls).toEqual([[Buffer.from([22, 2])]]);
  });

  it('connect though strangers ask for other user names and roles', async () => {
    for (let i = 0; i < 50; i++) await stranger.send(connectivityCheck('theirs:ours'));
    await Promise.all([ours.connect(), theirs.connect()]);
    expect(ours.iceControlling).toBe(false);
    const strange = ours.remoteCandidates.filter(({ type }) => type === 'prflx');
    expect(strange).toEqual([]);
  });

  it('remember a thousand transactions of a pair', async () => {
    await Promise.all([ours.connect(), theirs.connect()]);
    for (let i = 0; i < 1_050; i++) {
      const answered = once(stranger.socket, 'message');
      await stranger.send(authentic());
      await answered;
    }
    const pairs = ours.checkList as unknown as {
      requestsReceived: number;
      requestTransactionIds: Set<string>;
    }[];
    while (!pairs.some(({ requestsReceived }) => requestsReceived >= 1_050)) {
      await new Promise(setImmediate);
    }
    const sizes = pairs.map(({ requestTransactionIds }) => requestTransactionIds.size);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(1_000);
  });
});

function packet(extensionBytes: number, { csrc = 0, bytes = 400 } = {}): Buffer {
  const rtp = Buffer.alloc(bytes, 0x10);
  rtp[0] = 0x90 | csrc;
  const at = 12 + 4 * csrc;
  if (at + 4 <= bytes) rtp.writeUInt16BE(extensionBytes / 4, at + 2);
  return rtp;
}

describe('the header extension of an RTP packet', () => {
  it.each([
    ['that is short', packet(8)],
    ['of no length', packet(0)],
    ['after contributing sources', packet(8, { csrc: 15 })],
    ['that fills the packet', packet(24, { bytes: 40 })],
    ['that is not there', Buffer.of(0x80, 96, 0, 1)],
    [
      'of werift itself',
      new werift.RtpPacket(
        new werift.RtpHeader({ extensions: [{ id: 1, payload: Buffer.from('mid') }] }),
        Buffer.from('sound'),
      ).serialize(),
    ],
  ])('%s is sound', (_, rtp) => {
    expect(hasSoundExtension(rtp)).toBe(true);
  });

  it.each([
    ['that goes on after the packet', packet(28, { bytes: 40 })],
    ['that is as long as can be', endlessExtension()],
    ['that is longer than any of use', packet(260)],
    ['that begins after the packet', packet(0, { csrc: 15, bytes: 40 })],
    ['of one byte', Buffer.of(0x90)],
  ])('%s is not', (_, rtp) => {
    expect(hasSoundExtension(rtp)).toBe(false);
  });
});
