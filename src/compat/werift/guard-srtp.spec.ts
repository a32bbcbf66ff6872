import { randomBytes } from 'node:crypto';
import { beforeEach, describe, expect, it } from '@jest/globals';
import * as werift from 'werift';
import { guardSrtp } from './guard-srtp.js';

const PROFILES = [
  ['AES-CM', werift.ProtectionProfileAes128CmHmacSha1_80],
  ['AES-GCM', werift.ProtectionProfileAeadAes128Gcm],
] as const;
const REFUSED = werift.SrtpAuthenticationError;
const SSRC = 7;

describe.each(PROFILES)('packets protected with %s', (_, profile) => {
  let client: { srtp: werift.SrtpSession; srtcp: werift.SrtcpSession };
  let runner: typeof client;
  beforeEach(() => {
    const keys = () => ({ key: randomBytes(16), salt: randomBytes(14) });
    const [ours, theirs] = [keys(), keys()];
    const config = (local = ours, remote = theirs) => ({
      profile,
      keys: {
        localMasterKey: local.key,
        localMasterSalt: local.salt,
        remoteMasterKey: remote.key,
        remoteMasterSalt: remote.salt,
      },
    });
    const sessions = (of: ReturnType<typeof config>) => ({
      srtp: new werift.SrtpSession(of),
      srtcp: new werift.SrtcpSession(of),
    });
    client = sessions(config());
    runner = sessions(config(theirs, ours));
    const transport = { ...runner, startSrtp: () => undefined };
    guardSrtp(werift, transport);
    transport.startSrtp();
  });

  const rtp = (sequenceNumber: number, ssrc = SSRC): Buffer =>
    client.srtp.encrypt(
      Buffer.from('sound'),
      new werift.RtpHeader({ sequenceNumber: sequenceNumber % 65_536, ssrc, payloadType: 96 }),
    );
  const rtps = (from: number, to: number): Buffer[] =>
    Array.from({ length: to - from }, (_, i) => rtp(from + i));
  const rtcp = (ssrc = SSRC): Buffer => {
    const report = Buffer.from([0x80, 201, 0, 1, 0, 0, 0, 0]);
    report.writeUInt32BE(ssrc, 4);
    return client.srtcp.encrypt(report);
  };
  const hear = (data: Buffer): string => runner.srtp.decrypt(data).subarray(12).toString();
  const read = (data: Buffer): number => runner.srtcp.decrypt(data)[1]!;
  const heardOf = (packets: readonly Buffer[]): number =>
    packets.filter((data) => {
      try {
        return hear(data) === 'sound';
      } catch {
        return false;
      }
    }).length;

  it('are heard once', () => {
    const packets = rtps(100, 300);
    expect(heardOf(packets)).toBe(200);
    expect(heardOf(packets)).toBe(0);
    expect(() => hear(packets[0]!)).toThrow(REFUSED);
    expect(hear(rtp(300))).toBe('sound');
  });

  it('are heard once where the numbers begin again', () => {
    const packets = rtps(65_000, 66_000);
    expect(heardOf(packets)).toBe(1_000);
    expect(heardOf(packets)).toBe(0);
    expect(hear(rtp(66_000))).toBe('sound');
  });

  it('are not heard when they are older than the window', () => {
    const packets = rtps(0, 1_100);
    hear(packets[1_099]!);
    expect(heardOf(packets.slice(0, 76))).toBe(0);
    expect(heardOf(packets.slice(76))).toBe(1_023);
  });

  it('are heard in any order, also where the numbers begin again', () => {
    const packets = rtps(65_036, 66_036);
    expect(heardOf(packets.slice(0, 1))).toBe(1);
    expect(heardOf(packets.slice(1).reverse())).toBe(999);
    expect(heardOf(packets)).toBe(0);
    expect(hear(rtp(66_036))).toBe('sound');
  });

  it('are heard after a long loss where the numbers begin again', () => {
    const packets = rtps(60_000, 70_000);
    expect(heardOf(packets.slice(0, 5_000))).toBe(5_000);
    expect(heardOf(packets.slice(-1_100))).toBe(1_100);
    expect(heardOf(packets)).toBe(0);
  });

  it('are heard after others that were lost, of which late ones are heard too', () => {
    const packets = rtps(0, 5_000);
    const isLost = (i: number): boolean => i % 3 === 0;
    expect(heardOf(packets.filter((_, i) => !isLost(i)))).toBe(3_333);
    // Those in the window.
    expect(heardOf(packets)).toBe(packets.filter((_, i) => isLost(i) && i > 3_975).length);
  });

  it('are heard when another with their number was forged before', () => {
    const packet = rtp(9);
    const forged = Buffer.from(packet);
    forged[forged.length - 1]! ^= 1;
    expect(() => hear(forged)).toThrow(REFUSED);
    expect(hear(packet)).toBe('sound');
  });

  it('are not lost by one far ahead that was forged', () => {
    hear(rtp(9));
    const forged = rtp(30_000);
    forged[forged.length - 1]! ^= 1;
    expect(() => hear(forged)).toThrow(REFUSED);
    expect(hear(rtp(10))).toBe('sound');
  });

  it('are heard of each stream, of which there are five hundred', () => {
    for (let ssrc = 0; ssrc < 500; ssrc++) expect(hear(rtp(5, ssrc))).toBe('sound');
    expect(() => hear(rtp(5, 500))).toThrow(REFUSED);
    expect(() => hear(rtp(5, 0))).toThrow(REFUSED);
    expect(hear(rtp(6, 0))).toBe('sound');
  });

  it('of RTCP are read once, in any order', () => {
    const packets = Array.from({ length: 1_200 }, () => rtcp());
    expect(read(packets[1_100]!)).toBe(201);
    expect(read(packets[1_099]!)).toBe(201);
    for (const i of [1_100, 1_099, 0, 76]) expect(() => read(packets[i]!)).toThrow(REFUSED);
    expect(read(packets[77]!)).toBe(201);
    expect(read(packets[1_199]!)).toBe(201);
    expect(read(rtcp(8))).toBe(201);
  });

  it('of RTCP are read when another with their number was forged before', () => {
    const packet = rtcp();
    const forged = Buffer.from(packet);
    forged[4]! ^= 1;
    expect(() => read(forged)).toThrow(REFUSED);
    expect(read(packet)).toBe(201);
  });

  it('that are too short are refused as others that are forged', () => {
    for (let length = 0; length < 40; length++) {
      expect(() => hear(Buffer.alloc(length))).toThrow(REFUSED);
      expect(() => read(Buffer.alloc(length))).toThrow(REFUSED);
    }
  });
});

describe('the guard of SRTP', () => {
  it('is refused when werift works in another way', () => {
    expect(() => guardSrtp(werift, {} as never)).toThrow('no method startSrtp');
    const transport = {
      startSrtp: () => undefined,
      srtp: { decrypt: () => undefined, remoteContext: {} },
    };
    guardSrtp(werift, transport as never);
    expect(() => transport.startSrtp()).toThrow('no method updateRolloverCount');
  });
});
