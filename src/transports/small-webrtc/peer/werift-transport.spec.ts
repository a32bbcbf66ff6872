import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import * as werift from 'werift';
import { PEER_OPTIONS } from '../../../../test/support/peer-options.js';
import type { PeerEvents } from './peer.js';
import { WeriftTracks } from './werift-tracks.js';
import { prepareTransport } from './werift-transport.js';

let pc: werift.RTCPeerConnection;
let transport: werift.RTCDtlsTransport;
let failures: string[];
beforeEach(() => {
  pc = new werift.RTCPeerConnection();
  pc.addTransceiver('audio');
  transport = pc.dtlsTransports[0]!;
  failures = [];
  const events = { failed: (message: string) => failures.push(message) } as unknown as PeerEvents;
  prepareTransport(werift, transport, PEER_OPTIONS, events, new WeriftTracks(werift));
});
afterEach(() => pc.close());

describe('the transport of a client', () => {
  it('keeps twenty DTLS datagrams that come before its handshake can begin', async () => {
    const { onData } = transport.iceTransport.connection;
    for (let i = 0; i < 30; i++) onData.execute(Buffer.from([22, i]));
    // STUN and RTP are for others.
    for (const first of [0, 128]) onData.execute(Buffer.from([first, 0]));
    const again: number[] = [];
    onData.subscribe((data) => again.push(data[1]!));
    const { certPem, keyPem, signatureHash } =
      await werift.CipherContext.createSelfSignedCertificateWithKey(
        { signature: werift.SignatureAlgorithm.ecdsa_3, hash: werift.HashAlgorithm.sha256_4 },
        werift.NamedCurveAlgorithm.secp256r1_23,
      );
    const socket = { type: 'memory', onData: () => undefined, send: async () => undefined };
    transport.dtls = new werift.DtlsServer({
      ...{ cert: certPem, key: keyPem, signatureHash, transport: socket as never },
    });
    transport.onStateChange.execute('connecting');
    await Promise.resolve();
    expect(again).toEqual(Array.from({ length: 20 }, (_, i) => i));
    transport.dtls = undefined;
  });

  it('ends with a hundred and one unknown RTP streams', () => {
    const send = (ssrc: number): void =>
      transport.onRtp.execute(
        new werift.RtpPacket(new werift.RtpHeader({ ssrc, payloadType: 127 }), Buffer.alloc(1)),
      );
    for (let ssrc = 1; ssrc <= 100; ssrc++) for (let i = 0; i < 2; i++) send(ssrc);
    expect(failures).toEqual([]);
    send(101);
    expect(failures).toEqual(['The client sends too many RTP streams.']);
  });
});
