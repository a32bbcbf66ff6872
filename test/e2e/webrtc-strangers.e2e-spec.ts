import { once } from 'node:events';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import * as werift from 'werift';
import {
  type SessionEnd,
  type SmallWebRTCRunnerArguments,
  SmallWebRtcModule,
} from '../../src/index.js';
import { type SmallWebRTCConnection } from '../../src/bot.js';
import type { Session } from '../../src/sessions/session.js';
import { EchoBot } from '../../src/standalone/echo.bot.js';
import { RecordingLauncher } from '../../src/testing/index.js';
import { attempts } from '../support/attempts.js';
import { clientHello, connectivityCheck, Stranger } from '../support/datagrams.js';
import { hearsEcho } from '../support/hears-echo.js';
import { heldBytes, heldSince } from '../support/held-bytes.js';
import { closeApps, runnerModule, type RunningApp, startApp } from '../support/runner-app.js';
import { sctpChunk, sctpPacket } from '../support/sctp-packets.js';
import {
  ATTACKS,
  attacksOn,
  type ClientSocket,
  floodFragments,
  iceOf,
  spoof as spoofAs,
  targetOf,
} from '../support/webrtc-attacks.js';
import { until } from '../support/until.js';
import { warmUp, WebRtcClient } from '../support/webrtc-client.js';

let running: RunningApp;
let launcher: RecordingLauncher;
let client: WebRtcClient;
let connection: SmallWebRTCConnection;
let ended: Promise<SessionEnd>;
const strangers: Stranger[] = [];

beforeAll(warmUp, 60_000);
beforeEach(async () => {
  launcher = new RecordingLauncher((args, session) => new EchoBot().launch(args, session));
  running = await startApp('fastify', [
    runnerModule('forRoot', {
      launcher: { useValue: launcher },
      transports: [SmallWebRtcModule.forRoot()],
    }),
  ]);
});
afterEach(async () => {
  await Promise.all(strangers.splice(0).map((one) => one.close()));
  await closeApps();
  await client.pc.close();
});

/** Offers a call, whose first datagrams are not sent yet. */
async function offer(adaptOffer = (sdp: string): string => sdp): Promise<void> {
  client = await WebRtcClient.offer({ offerUrl: `${running.url}/api/offer`, adaptOffer });
  const { args, session } = await launcher.nextLaunch();
  connection = (args as SmallWebRTCRunnerArguments).webrtc_connection;
  ({ ended } = session as unknown as Session);
}

/** Makes a call. On a busy machine werift's own client now and then fails to, so it may try three times. */
async function connect(adaptOffer?: (sdp: string) => string): Promise<void> {
  await attempts(async () => {
    await offer(adaptOffer);
    try {
      await client.opened();
      await expectCall();
    } catch (error) {
      await client.pc.close();
      throw error;
    }
  });
}

async function stranger(): Promise<Stranger> {
  const one = await Stranger.open(targetOf(client));
  strangers.push(one);
  return one;
}

/** The sockets of a client; what of theirs is replaced comes into effect. */
const socketsOf = (one: WebRtcClient): ClientSocket[] =>
  (iceOf(one) as unknown as { protocols: { transport: ClientSocket }[] }).protocols.map(
    ({ transport }) => transport,
  );

/** Sends from the client's own address. */
const spoof = (data: Buffer): Promise<void> => spoofAs(client, data);

let asked = 0;
/** The bot answers, and sound goes both ways. */
async function expectCall(): Promise<void> {
  const id = String(++asked);
  client.send({ label: 'rtvi-ai', type: 'client-ready', id, data: { version: '2.1.0' } });
  const goesOn = async (): Promise<'goes on'> => {
    await client.next((message: { id?: string }) => message.id === id);
    await client.listen(0.1);
    return 'goes on';
  };
  expect(await Promise.race([goesOn(), ended])).toBe('goes on');
}

describe('a WebRTC session under attack', () => {
  it.each(ATTACKS)('survives an attacker who sends %s', async (_, datagram) => {
    await connect();
    const attack = datagram(iceOf(client).remoteUsername);
    const one = await stranger();
    const before = performance.now();
    for (let i = 0; i < 10; i++) await one.send(attack);
    await expectCall();
    expect(performance.now() - before).toBeLessThan(5_000);
  });

  it('does not hear again what somebody recorded and sends in the name of the client', async () => {
    await connect();
    const recorded: Buffer[] = [];
    for (const one of socketsOf(client)) {
      const sends = one.send;
      one.send = (data, to) => {
        if (werift.isMedia(data)) recorded.push(Buffer.from(data));
        return sends(data, to);
      };
    }
    const heard: number[] = [];
    connection.audio.on('packet', ({ sequenceNumber }) => heard.push(sequenceNumber));
    const sound = Buffer.from([0xf8, 0xff, 0xfe]);
    for (let i = 1; i <= 700; i++) {
      await client.sendPacket(sound);
      if (i % 50 === 0) await until(() => heard.length >= i);
    }
    const before = new Set(heard);
    for (const data of recorded.slice(0, 50)) await spoof(data);
    await client.sendPacket(sound);
    await until(() => !before.has(heard.at(-1)!));
    expect(heard).toHaveLength(before.size + 1);
    await expectCall();
  });

  it.each(ATTACKS)('survives spoofed packets of the client: %s', async (_, datagram) => {
    await connect();
    const attack = datagram(iceOf(client).remoteUsername);
    for (let i = 0; i < 10; i++) await spoof(attack);
    await expectCall();
  });

  it('loses nothing while attackers send everything at once', async () => {
    await connect();
    const one = await stranger();
    const during = async () => {
      for (let i = 0; i < 100; i++) {
        for (const attack of attacksOn(client)) await one.send(attack);
        await new Promise(setImmediate);
      }
    };
    await hearsEcho(client, { during });
    await expectCall();
  });

  it.each(['a stranger', 'the client'])(
    'survives 40,000 incomplete message fragments of %s without keeping them',
    async (who) => {
      await connect();
      const send = who === 'a stranger' ? (await stranger()).send.bind(strangers[0]) : spoof;
      const before = await heldBytes();
      await floodFragments(send);
      expect(await heldSince(before, 4_000_000)).toBeLessThan(4_000_000);
      await expectCall();
    },
  );

  it('connects while attackers send everything and 40,000 fragments', async () => {
    await offer();
    const one = await stranger();
    const before = await heldBytes();
    const flooded = floodFragments((data) => one.send(data));
    for (const attack of attacksOn(client)) await one.send(attack);
    await client.opened();
    await expectCall();
    await flooded;
    // A call has buffers of its own.
    expect(await heldSince(before, 10_000_000)).toBeLessThan(10_000_000);
    await expectCall();
  });

  it('connects after datagrams that arrive before the client’s first', async () => {
    await offer();
    const sockets = socketsOf(client);
    const sends = sockets.map((socket) => socket.send);
    for (const socket of sockets) socket.send = async () => undefined;
    const one = await stranger();
    for (const attack of attacksOn(client)) await one.send(attack);
    await new Promise(setImmediate);
    sockets.forEach((socket, i) => (socket.send = sends[i]!));
    await client.opened();
    await expectCall();
  });

  it('connects to a client without candidates at its source address (peer-reflexive)', async () => {
    await connect((sdp) => sdp.replaceAll(/a=candidate:.*\r\n/g, ''));
    expect(iceOf(client).nominated).toBeDefined();
  });

  it('survives an ICE restart, and ignores attackers during it', async () => {
    await connect();
    const one = await stranger();
    const restarted = client.negotiate({ iceRestart: true });
    for (const attack of attacksOn(client)) await one.send(attack);
    expect((await restarted).status).toBe(200);
    for (const attack of attacksOn(client)) await one.send(attack);
    await expectCall();
  });

  it('survives a retransmission of the last DTLS flight', async () => {
    await offer();
    const flight: Buffer[] = [];
    for (const socket of socketsOf(client)) {
      const { send } = socket;
      socket.send = (data, to) => {
        if (data[0]! >= 20 && data[0]! < 64) flight.push(Buffer.from(data));
        return send(data, to);
      };
    }
    await client.opened();
    await expectCall();
    // ClientHello twice, certificate, key exchange, its proof, change of ciphers, Finished, and what is in the channel.
    const handshake = flight.filter((data) => data[0] !== 23);
    expect(handshake.length).toBeGreaterThanOrEqual(5);
    for (const data of [...handshake, ...handshake.toReversed()]) await spoof(data);
    await expectCall();
    await hearsEcho(client);
  });

  it('connects when the last DTLS flight to the client is lost', async () => {
    await offer();
    let lost = 0;
    for (const socket of socketsOf(client)) {
      const { onData } = socket;
      socket.onData = (data, from) => {
        const isLast = data[0] === 20 || (data[0] === 22 && data.readUInt16BE(3) === 1);
        if (!isLast || lost >= 2) onData(data, from);
        else lost++;
      };
    }
    await client.opened();
    expect(lost).toBe(2);
    await expectCall();
  });

  it('connects to a client that is the DTLS server', async () => {
    await connect((sdp) => sdp.replaceAll('a=setup:actpass', 'a=setup:passive'));
    expect(client.pc.dtlsTransports[0]!.role).toBe('server');
    await spoof(clientHello());
    await expectCall();
  });

  it('keeps few candidates for any number of attackers and client addresses', async () => {
    await connect();
    const { peer } = connection as unknown as { peer: { pc: werift.RTCPeerConnection } };
    const ice = peer.pc.iceTransports[0]!.connection as unknown as werift.Connection;
    const [candidates, pairs] = [ice.remoteCandidates.length, ice.checkList.length];
    for (let i = 0; i < 300; i++) {
      const one = await stranger();
      await one.send(connectivityCheck(`${ice.localUsername}:x`));
      await one.send(connectivityCheck(`${ice.localUsername}:x`, 'guessed'));
    }
    await expectCall();
    expect([ice.remoteCandidates.length, ice.checkList.length]).toEqual([candidates, pairs]);
    for (const one of strangers) {
      await one.send(connectivityCheck(`${ice.localUsername}:x`, ice.localPassword));
    }
    await expectCall();
    const found = ice.remoteCandidates.filter(({ type }) => type === 'prflx');
    expect(found).toHaveLength(100);
  });
});

describe('a malicious WebRTC client', () => {
  it('cannot block the event loop with endless SCTP', async () => {
    await connect();
    const { dtlsTransport, sctp } = client.pc.sctpTransport!;
    const { remoteVerificationTag } = sctp as unknown as { remoteVerificationTag: number };
    for (const chunk of [
      sctpChunk(4, Buffer.alloc(8), { length: 0 }),
      sctpChunk(4, Buffer.alloc(8)),
    ]) {
      await dtlsTransport.sendData(sctpPacket(remoteVerificationTag, [chunk]));
    }
    await expectCall();
  });

  it('is disconnected for hundreds of RTP streams', async () => {
    await connect();
    const { dtlsTransport } = client.audio;
    for (let ssrc = 1; ssrc <= 200; ssrc++) {
      const header = new werift.RtpHeader({ ssrc, payloadType: 3, sequenceNumber: ssrc });
      await dtlsTransport.sendRtp(Buffer.alloc(10), header);
    }
    const [end] = (await once(connection, 'closed')) as [{ message: string }];
    expect(end.message).toBe('The client sends too many RTP streams.');
  });
});
