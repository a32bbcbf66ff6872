import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { LiveKitModule, TelephonyModule, WhatsAppModule } from '../../src/index.js';
import {
  formOf,
  plivoHeaders,
  TelnyxAccount,
  twilioHeaders,
} from '../support/carrier-signatures.js';
import { type FleetApp, FleetApps } from '../support/fleet-apps.js';
import { FakeMeta } from '../support/fake-meta.js';
import { freePort } from '../support/free-port.js';
import { livekitWebhook } from '../support/livekit-webhook.js';
import { describeWith } from '../support/needs.js';
import { type Platform, post } from '../support/runner-app.js';
import { until } from '../support/until.js';
import { warmUp } from '../support/webrtc-client.js';

const KEYS = { apiKey: 'devkey', apiSecret: 'a-secret-of-at-least-thirty-two-characters' };
const ROOM = { name: 'lobby' };

let meta: FakeMeta;
beforeAll(async () => {
  meta = await FakeMeta.start();
  await warmUp();
});
afterAll(() => meta.close());

describeWith('redis-server')('webhooks about sessions of other nodes', () => {
  let fleet: FleetApps;
  beforeEach(async () => {
    fleet = await FleetApps.begin();
  });
  afterEach(async () => {
    await fleet.end();
    meta.reset();
  });

  const inRooms = (platform: Platform, of = {}) =>
    fleet.start(platform, undefined, {
      of,
      transports: [
        LiveKitModule.forRoot({
          ...KEYS,
          url: 'wss://example.livekit.cloud',
          roomName: ROOM.name,
          answerSipCalls: true,
        }),
      ],
    });
  const hook = (app: FleetApp, event: Record<string, unknown>) =>
    livekitWebhook(app.url, { room: ROOM, ...event }, KEYS);
  const begin = async (app: FleetApp): Promise<string> => {
    const { sessionId } = await post(`${app.url}/start`, { transport: 'livekit' });
    await app.launcher.nextLaunch();
    return sessionId;
  };

  it('find the sessions of a shared LiveKit room on all nodes', async () => {
    const [a, b, c] = [
      await inRooms('fastify'),
      await inRooms('express'),
      await inRooms('fastify'),
    ];
    const [first, second, third] = [await begin(a), await begin(a), await begin(b)];
    const left = (id: string) => ({
      event: 'participant_left',
      participant: { identity: `User-${id.slice(0, 8)}` },
    });
    expect((await hook(c, left(first))).status).toBe(200);
    await until(() => a.records.length === 1);
    expect(a.records).toMatchObject([{ sessionId: first, code: 'peer_left' }]);
    expect(b.records).toEqual([]);
    expect((await hook(c, { event: 'room_finished' })).status).toBe(200);
    await until(() => a.records.length + b.records.length === 3);
    expect([a.records[1], b.records[0]]).toMatchObject([
      { sessionId: second, code: 'peer_left' },
      { sessionId: third, code: 'peer_left' },
    ]);
    // They leave no names behind.
    await until(async () => (await fleet.keys('a:*')).length === 0);
    expect((await hook(c, { event: 'room_finished' })).status).toBe(200);
    expect((await livekitWebhook(c.url, {}, { ...KEYS, signed: { other: 1 } })).status).toBe(401);
  });

  it.each(['twilio', 'plivo', 'telnyx'])(
    'of %s open one session, however often and wherever they are delivered',
    async (carrier) => {
      const telnyx = new TelnyxAccount();
      const publicUrl = 'https://bot.example.com';
      const keys = { twilio: 'token', plivo: 'token', telnyx: telnyx.publicKey };
      const transports = [TelephonyModule.forRoot({ publicUrl, webhookKeys: keys })];
      const [a, b] = [
        await fleet.start('fastify', undefined, { transports }),
        await fleet.start('express', undefined, { transports }),
      ];
      const path = `/telephony/${carrier}`;
      const fields = { CallSid: 'CA1', CallUUID: 'CA1', From: '+15550001', To: '+15550002' };
      const body = formOf(fields);
      const signed = async (delivery: string): Promise<Record<string, string>> => {
        if (carrier === 'telnyx') return telnyx.headers(body, Number(delivery));
        if (carrier === 'plivo') return plivoHeaders('token', publicUrl + path, fields, delivery);
        const headers = twilioHeaders('token', publicUrl + path, fields);
        return { ...headers, 'i-twilio-idempotency-token': delivery };
      };
      const deliver = async (app: FleetApp, headers: Record<string, string>): Promise<string> => {
        const type = { 'content-type': 'application/x-www-form-urlencoded' };
        const init = { method: 'POST', headers: { ...headers, ...type }, body };
        return (await fetch(app.url + path, init)).text();
      };
      const seconds = Math.floor(Date.now() / 1_000);
      const headers = await signed(`${seconds}`);
      const answers = await Promise.all([deliver(a, headers), deliver(b, headers)]);
      answers.push(await deliver(b, headers), await deliver(a, headers));
      expect(answers[0]).toMatch(/<Stream/);
      expect(new Set(answers).size).toBe(1);
      expect(await fleet.keys('s:*')).toHaveLength(1);
      expect(await deliver(a, await signed(`${seconds + 1}`))).not.toBe(answers[0]);
      expect(await fleet.keys('s:*')).toHaveLength(2);
    },
  );

  it('start one bot for a SIP call, however often and wherever it is told', async () => {
    const [a, b] = [await inRooms('fastify'), await inRooms('express')];
    await begin(b);
    const event = {
      ...{ event: 'participant_joined', id: 'EV_1' },
      participant: { identity: 'sip_1', kind: 'SIP', attributes: { 'sip.callID': 'SCL_1' } },
    };
    const told = await Promise.all([hook(a, event), hook(b, event), hook(a, event)]);
    expect(told.map(({ status }) => status)).toEqual([200, 200, 200]);
    // Told anew, as after a restart of LiveKit's server.
    for (const app of [a, b]) await hook(app, { ...event, id: `EV_2 ${app.url}` });
    expect(a.launcher.launches.length + b.launcher.launches.length).toBe(2);
    const owner = a.launcher.launches.length === 1 ? a : b;
    const other = owner === a ? b : a;
    const left = { ...event, event: 'participant_left', id: 'EV_3' };
    expect((await hook(other, left)).status).toBe(200);
    await until(() => owner.records.length === 1);
  });

  it('are repeated while a node with sessions of the room is not reached, until it is gone', async () => {
    const a = await inRooms('fastify');
    const advertiseUrl = `http://127.0.0.1:${await freePort()}`;
    const b = await inRooms('express', { advertiseUrl });
    await begin(a);
    await begin(b);
    const event = { event: 'room_finished' };
    expect((await hook(a, event)).status).toBe(503);
    await until(() => a.records.length === 1);
    await b.app.close();
    expect((await hook(a, event)).status).toBe(200);
  });

  it('end a WhatsApp call on its node', async () => {
    const { token, phoneNumberId, appSecret, verifyToken, apiUrl } = meta;
    const options = { token, phoneNumberId, appSecret, verifyToken, apiUrl };
    const [a, b] = [
      await fleet.start('fastify', undefined, { transports: [WhatsAppModule.forRoot(options)] }),
      await fleet.start('express', undefined, { transports: [WhatsAppModule.forRoot(options)] }),
    ];
    meta.webhookUrl = `${a.url}/whatsapp`;
    const caller = await meta.call('call-1');
    meta.webhookUrl = `${b.url}/whatsapp`;
    expect((await meta.hangUp('call-1')).json).toMatchObject({ status: 'success' });
    await until(() => a.records.length === 1);
    expect(a.records).toMatchObject([{ code: 'peer_left', transport: 'whatsapp' }]);
    expect(meta.acts).toEqual(['pre_accept call-1', 'accept call-1']);
    await caller.leave();
  });
});
