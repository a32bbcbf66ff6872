import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { RunnerModule, type SessionEnd, SessionRegistry, WhatsAppModule } from '../../src/index.js';
import { EchoBot } from '../../src/standalone/echo.bot.js';
import { Stranger } from '../support/datagrams.js';
import { FakeMeta } from '../support/fake-meta.js';
import { hearsEcho } from '../support/hears-echo.js';
import { heldBytes, heldSince } from '../support/held-bytes.js';
import { closeApps, type RunningApp, startApp } from '../support/runner-app.js';
import {
  ATTACKS,
  attacksOn,
  floodFragments,
  iceOf,
  spoof,
  targetOf,
} from '../support/webrtc-attacks.js';
import { warmUp, WebRtcClient } from '../support/webrtc-client.js';

let meta: FakeMeta;
let running: RunningApp;
let caller: WebRtcClient;
let ended: Promise<SessionEnd>;
const strangers: Stranger[] = [];

beforeAll(async () => {
  meta = await FakeMeta.start();
  await warmUp();
});
afterAll(() => meta.close());
beforeEach(async () => {
  const { token, phoneNumberId, appSecret, verifyToken, apiUrl } = meta;
  const whatsApp = { token, phoneNumberId, appSecret, verifyToken, apiUrl };
  running = await startApp('fastify', [
    RunnerModule.forRoot({
      launcher: { useClass: EchoBot },
      transports: [WhatsAppModule.forRoot(whatsApp)],
    }),
  ]);
  meta.webhookUrl = `${running.url}/whatsapp`;
  // The call is answered; its caller has sent no datagram yet.
  const offerUrl = `${new URL(meta.apiUrl).origin}/phone/call-1/15550001`;
  caller = await WebRtcClient.offer({ offerUrl, soundOnly: true });
  const [session] = running.app.get(SessionRegistry, { strict: false }).live;
  ({ ended } = session!);
});
afterEach(async () => {
  await Promise.all(strangers.splice(0).map((one) => one.close()));
  await closeApps();
  await caller.pc.close();
  meta.reset();
});

async function stranger(): Promise<Stranger> {
  const one = await Stranger.open(targetOf(caller));
  strangers.push(one);
  return one;
}

const expectEcho = () => hearsEcho(caller, { seconds: 1, ended });

it.each(ATTACKS)('a WhatsApp call survives strangers who send %s', async (_, datagram) => {
  await caller.opened();
  const one = await stranger();
  const attack = datagram(iceOf(caller).remoteUsername);
  for (let i = 0; i < 10; i++) {
    await one.send(attack);
    // In the name of the caller's address.
    await spoof(caller, attack);
  }
  await expectEcho();
});

it('a WhatsApp call survives 40,000 incomplete message fragments without keeping them', async () => {
  await caller.opened();
  const one = await stranger();
  const before = await heldBytes();
  await floodFragments((data) => one.send(data));
  expect(await heldSince(before, 4_000_000)).toBeLessThan(4_000_000);
  await expectEcho();
});

it('a WhatsApp call connects while strangers send everything', async () => {
  const one = await stranger();
  const flooded = floodFragments((data) => one.send(data));
  for (const attack of attacksOn(caller)) await one.send(attack);
  await caller.opened();
  await expectEcho();
  await flooded;
  await expectEcho();
});
