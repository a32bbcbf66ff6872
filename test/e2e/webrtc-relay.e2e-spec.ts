/**
 * The TURN server leaves a request with a wrong password unanswered, which is given up after six seconds.
 * @jest-environment-options {"patienceMs": 10000}
 */
import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import type * as werift from 'werift';
import {
  RunnerModule,
  type Session,
  type SessionEnd,
  SessionRegistry,
  SmallWebRtcModule,
  type SmallWebRtcOptions,
} from '../../src/index.js';
import { EchoBot } from '../../src/standalone/echo.bot.js';
import { RecordingLauncher } from '../../src/testing/index.js';
import { Coturn } from '../support/coturn.js';
import {
  clientHello,
  connectivityCheck,
  dtlsRecord,
  endlessExtension,
  endlessFragment,
  Stranger,
} from '../support/datagrams.js';
import { describeWith } from '../support/needs.js';
import { BROWSER_OFFER } from '../support/offers.js';
import { post, type RunningApp, startApp } from '../support/runner-app.js';
import { warmUp, WebRtcClient } from '../support/webrtc-client.js';

describeWith('coturn')('a WebRTC session through a TURN server', () => {
  let coturn: Coturn;
  let running: RunningApp;
  let client: WebRtcClient | undefined;
  let ended: Promise<SessionEnd>;
  beforeAll(warmUp, 60_000);
  beforeAll(async () => {
    coturn = await Coturn.start();
  });
  afterEach(async () => {
    await client?.pc.close();
    client = undefined;
    await running.app.close();
  });
  afterAll(() => coturn.stop());

  async function start(server: Coturn, more: SmallWebRtcOptions = {}) {
    const launcher = new RecordingLauncher((args, session) => new EchoBot().launch(args, session));
    running = await startApp('fastify', [
      RunnerModule.forRoot({
        launcher: { useValue: launcher },
        transports: [
          SmallWebRtcModule.forRoot({
            iceServers: [server.iceServer],
            iceTransportPolicy: 'relay',
            ...more,
          }),
        ],
      }),
    ]);
    return launcher;
  }

  async function offer(server: Coturn): Promise<void> {
    const launcher = await start(server);
    client = await WebRtcClient.offer({
      offerUrl: `${running.url}/api/offer`,
      iceServers: [{ ...coturn.iceServer, username: 'browser' }],
      iceTransportPolicy: 'relay',
    });
    const { session } = await launcher.nextLaunch();
    ({ ended } = session as unknown as Session);
  }

  /** Makes a call. On a busy machine werift's own client now and then fails to, so it may try three times. */
  async function connect(server: Coturn): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      await offer(server);
      try {
        return await client!.opened();
      } catch (error) {
        if (attempt === 3) throw error;
        await client!.pc.close();
        await running.app.close();
      }
    }
  }

  const iceOf = () => client!.pc.iceTransports[0]!.connection;
  const relayed = (): werift.Address => {
    const { host, port } = iceOf().remoteCandidates[0]!;
    return [host, port];
  };

  let asked = 0;
  async function expectCall(): Promise<void> {
    const id = String(++asked);
    client!.send({ label: 'rtvi-ai', type: 'client-ready', id, data: { version: '2.1.0' } });
    const answered = client!.next((message: { id?: string }) => message.id === id);
    expect(await Promise.race([answered, ended])).toMatchObject({ id });
  }

  it('survives strangers who send to its relayed address', async () => {
    await connect(coturn);
    expect(iceOf().remoteCandidates.map(({ type }) => type)).toEqual(['relay']);
    const stranger = await Stranger.open(relayed());
    const attack = async (): Promise<void> => {
      for (let i = 0; i < 100; i++) {
        for (const data of [
          dtlsRecord(21, Buffer.from([2, 40])),
          clientHello(),
          endlessFragment(i),
          endlessExtension(),
          connectivityCheck(`${iceOf().remoteUsername}:x`, 'guessed'),
          Buffer.of(0x80),
          Buffer.alloc(0),
        ]) {
          await stranger.send(data);
        }
        await new Promise(setImmediate);
      }
    };
    await expectCall();
    await attack();
    await expectCall();
    await stranger.close();
  });

  it('ends when its relay vanishes in the middle of it', async () => {
    const vanishing = await Coturn.start();
    await connect(vanishing);
    await expectCall();
    await vanishing.stop();
    expect(await ended).toMatchObject({ code: 'peer_left' });
  });

  it('is refused with 503 when the TURN server refuses an allocation', async () => {
    const iceServers = [{ ...coturn.iceServer, credential: 'wrong' }];
    await start(coturn, { iceServers, gatheringTimeoutMs: 500 });
    const { status, json } = await post(`${running.url}/api/offer`, {
      sdp: BROWSER_OFFER,
      type: 'offer',
    });
    expect([status, json.code]).toEqual([503, 'OVERLOADED']);
    expect(json.detail).toMatch(/TURN server/);
    expect(running.app.get(SessionRegistry, { strict: false }).size).toBe(0);
  });
});
