import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { callerParameters, DailyModule, LiveKitModule, TelephonyModule } from '../../src/index.js';
import { placeCall, RecordingLauncher } from '../../src/testing/index.js';
import { FakeDaily } from '../support/fake-daily.js';
import { livekitWebhook } from '../support/livekit-webhook.js';
import { post, type RunningApp, runnerModule, startApp } from '../support/runner-app.js';

const KEYS = { apiKey: 'devkey', apiSecret: 'a-secret-of-at-least-thirty-two-characters' };
const WHO = { from: '+15550001', to: '+15550002', sip_headers: { 'x-customer': '7' } };

describe('the caller’s number', () => {
  let daily: FakeDaily;
  let running: RunningApp;
  const launcher = new RecordingLauncher();
  beforeAll(async () => {
    daily = await FakeDaily.start();
    running = await startApp('fastify', [
      runnerModule('forRoot', {
        launcher: { useValue: launcher },
        transports: [
          DailyModule.forRoot({ apiKey: daily.apiKey, apiUrl: daily.apiUrl }),
          LiveKitModule.forRoot({ url: 'wss://example.com', ...KEYS, answerSipCalls: true }),
          TelephonyModule.forRoot({ customParameters: callerParameters }),
        ],
      }),
    ]);
  });
  afterAll(async () => {
    await running.app.close();
    await daily.close();
  });

  /** Calls as a carrier that got these parameters in the webhook's answer. */
  async function carrierCall(carrier: 'twilio' | 'telnyx' | 'plivo'): Promise<void> {
    const answer = await fetch(`${running.url}/telephony/${carrier}`, {
      method: 'POST',
      body: new URLSearchParams({
        From: WHO.from,
        To: WHO.to,
        'SipHeader_X-Customer': '7',
        CallSid: 'CA1',
      }),
    });
    const xml = await answer.text();
    const pairs = /extraHeaders="([^"]+)"/.exec(xml)?.[1] ?? xml;
    const customParameters = Object.fromEntries(
      [...pairs.matchAll(/<Parameter name="([^"]+)" value="([^"]+)"|(\w+)=(\w+)/g)].map(
        ([, name, value, key = name, word = value]) => [key!, word!],
      ),
    );
    const call = await placeCall({
      carrier,
      url: `${running.wsUrl}/ws`,
      from: WHO.from,
      to: WHO.to,
      customParameters,
    });
    await call.hangUp();
  }

  it.each<[string, () => Promise<unknown>]>([
    [
      'Daily',
      () =>
        post(`${running.url}/daily-dialin-webhook`, {
          From: WHO.from,
          To: WHO.to,
          callId: randomUUID(),
          callDomain: randomUUID(),
          sipHeaders: { 'X-Customer': '7' },
        }),
    ],
    [
      'LiveKit',
      () =>
        livekitWebhook(
          running.url,
          {
            event: 'participant_joined',
            room: { name: 'call' },
            participant: {
              identity: 'sip_1',
              kind: 'SIP',
              attributes: {
                'sip.callID': 'SCL_1',
                'sip.phoneNumber': WHO.from,
                'sip.trunkPhoneNumber': WHO.to,
                'sip.h.x-customer': '7',
              },
            },
          },
          KEYS,
        ),
    ],
    ['Twilio', () => carrierCall('twilio')],
    ['Telnyx', () => carrierCall('telnyx')],
  ])('is in the same field of the call data on %s', async (_, call) => {
    await call();
    const { args } = await launcher.nextLaunch();
    expect(args.call_data).toMatchObject(WHO);
    expect(args.call_data!.call_id).toEqual(expect.any(String));
  });

  it('is in the call data on Plivo, which supports neither a plus nor SIP headers', async () => {
    await carrierCall('plivo');
    const { args } = await launcher.nextLaunch();
    expect(args.call_data).toMatchObject({ from: '15550001', to: '15550002' });
  });
});
