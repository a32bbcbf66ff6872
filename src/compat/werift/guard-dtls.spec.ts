import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import * as werift from 'werift';
import {
  clientHello,
  dtlsHandshake,
  dtlsRecord,
  endlessFragment,
} from '../../../test/support/datagrams.js';
import { makeRsaCertificate } from '../../../test/support/certificates.js';
import { heldBytes } from '../../../test/support/held-bytes.js';
import { guardDtls, isOrdinary, limitFingerprints } from './guard-dtls.js';

type Identity = Awaited<ReturnType<typeof werift.CipherContext.createSelfSignedCertificateWithKey>>;

/** One end of a network that loses nothing but what it is told to. */
class End {
  readonly type = 'memory';
  readonly closed = false;
  readonly address = {} as never;
  readonly sent: Buffer[] = [];
  onData = (_: Buffer): void => undefined;
  other!: End;
  /** True when a datagram arrives. */
  arrives = (_: Buffer): boolean => true;

  readonly send = async (data: Buffer): Promise<void> => {
    const copy = Buffer.from(data);
    this.sent.push(copy);
    await setImmediate();
    if (this.arrives(copy)) this.other.onData(copy);
  };

  readonly close = async (): Promise<void> => undefined;
}

let [ours, theirs]: Identity[] = [];
beforeAll(async () => {
  const identity = (): Promise<Identity> =>
    werift.CipherContext.createSelfSignedCertificateWithKey(
      {
        signature: werift.SignatureAlgorithm.ecdsa_3,
        hash: werift.HashAlgorithm.sha256_4,
      },
      werift.NamedCurveAlgorithm.secp256r1_23,
    );
  [ours, theirs] = await Promise.all([identity(), identity()]);
});

/** Events of a connection of the runner's. */
interface Runner {
  dtls: werift.DtlsSocket;
  end: End;
  readonly events: string[];
  readonly heard: string[];
}
let runner: Runner;
let client: werift.DtlsSocket;
let clientEnd: End;

afterEach(() => {
  expect(runner.events).not.toContain('failed');
  // Neither sends anything again.
  runner.dtls.dtls.flight = client.dtls.flight = Infinity;
});

const RSA_SHA256 = {
  signature: werift.SignatureAlgorithm.rsa_1,
  hash: werift.HashAlgorithm.sha256_4,
};

/** Connects the runner to a client. @param identity what the client shows, and the key it has */
function make({
  role = 'server',
  certPem = theirs!.certPem,
  keyPem = theirs!.keyPem,
  signatureHash = theirs!.signatureHash,
} = {}): void {
  const end = new End();
  clientEnd = new End();
  [end.other, clientEnd.other] = [clientEnd, end];
  const options = (one: End, identity: Identity) => ({
    transport: one as never,
    cert: identity.certPem,
    key: identity.keyPem,
    signatureHash: identity.signatureHash,
    srtpProfiles: [1 as const],
    extendedMasterSecret: true,
  });
  const own = options(end, ours!);
  const other = options(clientEnd, { certPem, keyPem, signatureHash });
  const dtls =
    role === 'server'
      ? new werift.DtlsServer({ ...own, certificateRequest: true })
      : new werift.DtlsClient(own);
  client =
    role === 'server'
      ? new werift.DtlsClient(other)
      : new werift.DtlsServer({ ...other, certificateRequest: true });
  const [events, heard]: string[][] = [[], []];
  runner = { dtls, end, events: events!, heard: heard! };
  dtls.onConnect.subscribe(() => events!.push('connected'));
  dtls.onClose.subscribe(() => events!.push('closed'));
  dtls.onError.subscribe(() => events!.push('failed'));
  dtls.onData.subscribe((data) => heard!.push(data.toString()));
  guardDtls(dtls);
}

const start = (): void => {
  for (const one of [runner.dtls, client]) {
    if (one instanceof werift.DtlsClient) one.connect().catch(() => undefined);
  }
};

/** Waits until it is so. */
async function until(is: () => boolean): Promise<void> {
  while (!is()) await setImmediate();
}

/** Waits until all that has arrived is handled. */
async function settled(): Promise<void> {
  for (let i = 0; i < 20; i++) await setImmediate();
}

async function connect(options = {}): Promise<void> {
  make(options);
  start();
  await until(() => runner.dtls.connected && client.connected);
}

/** Expects that what the client sends arrives, and that nothing else has happened to the runner since it connected. */
async function expectCall(): Promise<void> {
  const text = `message ${runner.heard.length}`;
  await client.send(Buffer.from(text));
  await until(() => runner.heard.length > 0);
  expect(runner.heard.at(-1)).toBe(text);
  expect(new Set(runner.events)).toEqual(new Set(['connected']));
}

const fromStranger = (data: Buffer): void => runner.end.onData(data);

/** Encrypted by the client. */
function sealed(contentType: number, content: number[]): Buffer {
  const sequence = ++client.dtls.recordSequenceNumber;
  const { fragment } = client.cipher.encryptPacket({
    recordLayerHeader: {
      contentType,
      protocolVersion: { major: 254, minor: 253 },
      epoch: 1,
      sequenceNumber: sequence,
    },
    fragment: Buffer.from(content),
  } as never);
  return dtlsRecord(contentType, fragment, { epoch: 1, sequence });
}

const ATTACKS: [string, () => Buffer][] = [
  ['an alert that the client leaves', () => dtlsRecord(21, Buffer.from([1, 0]))],
  ['a fatal alert', () => dtlsRecord(21, Buffer.from([2, 40]))],
  ['an alert that says it is encrypted', () => dtlsRecord(21, Buffer.from([1, 0]), { epoch: 1 })],
  ['a record of an unknown type', () => dtlsRecord(30, Buffer.from([1, 0]))],
  ['a record of no type of DTLS 1.2', () => dtlsRecord(62, Buffer.from([1, 0]), { epoch: 1 })],
  ['a ClientHello', clientHello],
  ['a ClientHello that says it is encrypted', () => dtlsRecord(22, clientHello(), { epoch: 1 })],
  ['a certificate', () => dtlsHandshake(11, Buffer.alloc(20))],
  ['a key exchange', () => dtlsHandshake(16, Buffer.alloc(66, 4))],
  ['a HelloVerifyRequest', () => dtlsHandshake(3, Buffer.from([254, 253, 1, 7]))],
  ['a Finished in the clear', () => dtlsHandshake(20, Buffer.alloc(12))],
  ['a Finished that is not encrypted', () => dtlsRecord(22, Buffer.alloc(24, 20), { epoch: 1 })],
  ['application data in the clear', () => dtlsRecord(23, Buffer.from('hello'))],
  ['a change of ciphers', () => dtlsRecord(20, Buffer.from([1]))],
  ['one byte', () => Buffer.of(22)],
  ['half a record', () => clientHello().subarray(0, 40)],
  [
    'a record that is longer than its datagram',
    () => dtlsRecord(22, Buffer.alloc(9)).subarray(0, 21),
  ],
];

describe.each(['server', 'client'] as const)('DTLS of the runner, as %s', (role) => {
  it('does not connect to one who shows a certificate without having its key', async () => {
    // The certificate of the client is known, for it goes over the network in the clear.
    make({ role, keyPem: ours!.keyPem });
    let proof = 0;
    const { arrives } = clientEnd;
    clientEnd.arrives = (datagram) => {
      // A ServerKeyExchange or a CertificateVerify.
      if (datagram[0] === 22 && [12, 15].includes(datagram[13]!)) proof++;
      return arrives(datagram);
    };
    start();
    await until(() => proof > 0);
    for (let i = 0; i < 20; i++) await setImmediate();
    expect(runner.events).toEqual([]);
    expect(runner.dtls.connected).toBe(false);
  });

  it('is not impressed by anything that a stranger sends, when it is connected', async () => {
    await connect({ role });
    const { cipher } = runner.dtls.cipher;
    for (const [name, attack] of ATTACKS) {
      fromStranger(attack());
      await setImmediate();
      expect([name, ...new Set(runner.events)]).toEqual([name, 'connected']);
      expect([name, runner.dtls.connected]).toEqual([name, true]);
      expect([name, runner.dtls.cipher.cipher === cipher]).toEqual([name, true]);
    }
    await expectCall();
  });

  it('connects while strangers send alerts and what says that it is encrypted', async () => {
    make({ role });
    // A ClientHello is what any handshake begins with, and a certificate is part of it: these need an address that was proved.
    const attacks = ATTACKS.filter(
      ([name]) => !/ClientHello|certificate|key exchange|HelloVerify/.test(name),
    );
    const send = (): void => attacks.forEach(([, attack]) => fromStranger(attack()));
    runner.end.arrives = clientEnd.arrives = () => {
      send();
      return true;
    };
    start();
    await until(() => runner.dtls.connected && client.connected);
    await expectCall();
  });

  it.each(['before', 'after'])(
    'keeps nothing of 40,000 endless messages that come %s it is connected',
    async (when) => {
      make({ role });
      const before = await heldBytes();
      if (when === 'after') {
        start();
        await until(() => runner.dtls.connected && client.connected);
      }
      for (let i = 0; i < 40_000; i++) fromStranger(endlessFragment(i));
      expect((await heldBytes()) - before).toBeLessThan(4_000_000);
      if (when === 'before') {
        start();
        await until(() => runner.dtls.connected && client.connected);
      }
      await expectCall();
    },
  );

  it('reads twenty records of a datagram, and no more', async () => {
    await connect({ role });
    const said = Array.from({ length: 30 }, (_, i) => sealed(23, [...Buffer.from(`record ${i}`)]));
    runner.end.onData(Buffer.concat(said));
    expect(runner.heard).toHaveLength(20);
    await expectCall();
  });

  it('ends when the client says so', async () => {
    await connect({ role });
    runner.end.onData(sealed(21, [1, 0]));
    expect(runner.events).toEqual(['connected', 'closed']);
  });

  it('ends with what the client cannot go on after', async () => {
    await connect({ role });
    runner.end.onData(sealed(21, [2, 80]));
    expect(runner.events).toEqual(['connected', 'closed']);
  });

  it('goes on after a warning', async () => {
    await connect({ role });
    runner.end.onData(sealed(21, [1, 100]));
    await expectCall();
  });

  it('begins no other handshake with the client', async () => {
    await connect({ role });
    const { cipher } = runner.dtls.cipher;
    runner.end.onData(sealed(22, [...clientHello().subarray(13)]));
    await setImmediate();
    expect(runner.dtls.cipher.cipher).toBe(cipher);
    await expectCall();
  });

  it('is not harmed by anything of the handshake that comes again', async () => {
    await connect({ role });
    for (const datagram of clientEnd.sent) runner.end.onData(datagram);
    for (const datagram of clientEnd.sent.toReversed()) runner.end.onData(datagram);
    await setImmediate();
    await expectCall();
  });

  it('connects over a network that repeats and swaps its datagrams', async () => {
    make({ role });
    let held: Buffer | undefined;
    clientEnd.arrives = (datagram) => {
      const [first, second] = held ? [datagram, held] : [datagram, datagram];
      held = held ? undefined : datagram;
      runner.end.onData(first);
      runner.end.onData(second);
      return false;
    };
    start();
    await until(() => runner.dtls.connected && client.connected);
    await expectCall();
  });
});

describe('DTLS of the runner', () => {
  it('sends its last flight again to a client that did not get it', async () => {
    make();
    let lost = 0;
    runner.end.arrives = (datagram) => {
      const last = datagram[0] === 20 || datagram.readUInt16BE(3) === 1;
      if (last && lost < 2) lost++;
      else return true;
      return false;
    };
    start();
    await until(() => runner.dtls.connected && client.connected);
    expect(lost).toBe(2);
    await expectCall();
  });

  it('does not forget the cookie that it has seen for a ClientHello that comes late', async () => {
    make();
    let first: Buffer | undefined;
    clientEnd.arrives = (datagram) => {
      first ??= datagram;
      // With the key exchange, of flight 5.
      if (datagram[13] === 16) runner.end.onData(first);
      return true;
    };
    start();
    await until(() => runner.dtls.connected && client.connected);
    await expectCall();
  });

  it('takes a certificate that comes in parts, the last first', async () => {
    make();
    clientEnd.arrives = (datagram) => {
      if (datagram[0] !== 22 || datagram[13] !== 11) return true;
      const body = datagram.subarray(25);
      const sequence = datagram.readUInt16BE(17);
      for (let at = Math.floor((body.length - 1) / 100) * 100; at >= 0; at -= 100) {
        const part = body.subarray(at, at + 100);
        runner.end.onData(dtlsHandshake(11, part, { sequence, length: body.length, offset: at }));
      }
      return false;
    };
    start();
    await until(() => runner.dtls.connected && client.connected);
    await expectCall();
  });

  it('takes the flight of a server in one datagram', async () => {
    make({ role: 'client' });
    const flight: Buffer[] = [];
    let flights = 0;
    clientEnd.arrives = (datagram) => {
      // From ServerHello to ServerHelloDone.
      if (datagram[0] !== 22 || ![2, 11, 12, 13, 14].includes(datagram[13]!)) return true;
      flight.push(datagram);
      if (datagram[13] !== 14) return false;
      flights++;
      runner.end.onData(Buffer.concat(flight.splice(0)));
      return false;
    };
    start();
    await until(() => runner.dtls.connected && client.connected);
    expect(flights).toBe(1);
    await expectCall();
  });

  it('hears nothing of a client that has not finished its handshake', async () => {
    make();
    clientEnd.arrives = (datagram) => {
      const isFinished = datagram[0] === 22 && datagram.readUInt16BE(3) === 1;
      if (isFinished) runner.end.onData(sealed(23, [...Buffer.from('early')]));
      return true;
    };
    start();
    await until(() => runner.dtls.connected && client.connected);
    expect(runner.heard).toEqual([]);
    await expectCall();
  });

  it.each([
    [9, ['connected']],
    [10, []],
  ])('checks ten proofs of a client: its own after %d forged ones', async (forgeries, events) => {
    make();
    let finished = false;
    clientEnd.arrives = (datagram) => {
      finished ||= datagram.readUInt16BE(3) === 1;
      if (datagram[13] !== 15 || finished) return true;
      const forged = Buffer.from(datagram);
      forged[forged.length - 1]! ^= 1;
      for (let i = 0; i < forgeries; i++) runner.end.onData(forged);
      return true;
    };
    start();
    await until(() => finished);
    await settled();
    expect(runner.events).toEqual(events);
  });

  it('answers a hundred messages of a client', async () => {
    make();
    let hello: Buffer | undefined;
    clientEnd.arrives = (datagram) => {
      hello ??= datagram;
      return false;
    };
    start();
    await until(() => hello !== undefined);
    for (let i = 0; i < 1_000; i++) runner.end.onData(hello!);
    await settled();
    expect(runner.end.sent).toHaveLength(100);
  });

  it.each([
    ['65,537', 65_537, ['connected']],
    ['more than 32 bits', 2 ** 32 + 1, []],
  ])('checks proofs of RSA keys with an exponent of %s', async (_, exponent, events) => {
    make({ ...makeRsaCertificate(exponent), signatureHash: RSA_SHA256 });
    let finished = false;
    clientEnd.arrives = (datagram) => {
      finished ||= datagram.readUInt16BE(3) === 1;
      return true;
    };
    start();
    await until(() => finished);
    await settled();
    expect(runner.events).toEqual(events);
  });

  it.each([
    ['RSA of 2,048 bits', 2_048, 65_537, true],
    ['RSA of 4,096 bits', 4_096, 65_537, true],
    ['RSA with a large exponent', 2_048, 2 ** 32 + 1, false],
    ['RSA of 4,104 bits', 4_104, 65_537, false],
  ])(
    'takes a certificate by how long its signatures take: %s',
    (_, modulusLength, exponent, is) => {
      const details = { modulusLength, publicExponent: BigInt(exponent) };
      const key = { asymmetricKeyType: 'rsa', asymmetricKeyDetails: details } as KeyObject;
      expect(isOrdinary(key)).toBe(is);
    },
  );

  it('takes no certificate of DSA', () => {
    const { publicKey } = generateKeyPairSync('dsa', { modulusLength: 1_024, divisorLength: 160 });
    expect(isOrdinary(publicKey)).toBe(false);
    expect(isOrdinary(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey)).toBe(true);
  });

  it('is refused when werift receives in another way', () => {
    make();
    const { dtls } = runner;
    for (const [name, broken] of [
      ['handleFragmentHandshake', { handleFragmentHandshake: undefined }],
      ['onHandleHandshakes', { onHandleHandshakes: undefined }],
      ['decryptPacket', { cipher: {} }],
      ['onData', { transport: { socket: {} } }],
    ] as const) {
      const other = Object.assign(Object.create(dtls) as werift.DtlsSocket, broken);
      expect(() => guardDtls(other)).toThrow(`no method ${name}`);
    }
  });
});

describe('the fingerprints of a client', () => {
  it('are those of its latest offers', async () => {
    const pc = new werift.RTCPeerConnection();
    pc.addTransceiver('audio');
    const [transport] = pc.dtlsTransports;
    limitFingerprints(transport!);
    for (let i = 1; i <= 50; i++) {
      const fingerprint = new werift.RTCDtlsFingerprint('sha-256', `AA:${i}`);
      transport!.setRemoteParams(new werift.RTCDtlsParameters([fingerprint], 'client'));
    }
    const last = Array.from({ length: 20 }, (_, i) => ({ value: `AA:${31 + i}` }));
    expect(transport).toMatchObject({ remoteParameters: { fingerprints: last } });
    await pc.close();
  });

  it('are not limited in a werift of another shape', () => {
    expect(() => limitFingerprints({} as never)).toThrow('no method setRemoteParams');
  });
});
