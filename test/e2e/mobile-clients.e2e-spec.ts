/**
 * Nobody is at the address of the TURN server: a request to it is given up after six seconds.
 * @jest-environment-options {"patienceMs": 10000}
 */
import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import {
  DailyModule,
  LiveKitModule,
  type SmallWebRTCRunnerArguments,
  SmallWebRtcModule,
  TelephonyModule,
  WebSocketModule,
} from '../../src/index.js';
import { RecordingLauncher } from '../../src/testing/index.js';
import { FakeDaily } from '../support/fake-daily.js';
import {
  androidDaily,
  androidSmallWebRtc,
  iosDaily,
  iosSmallWebRtc,
  webError,
  webSocket,
} from '../support/mobile-types.js';
import { PLATFORMS, post, runnerModule, type RunningApp, startApp } from '../support/runner-app.js';
import { BROWSER_OFFER } from '../support/offers.js';
import { warmUp, WebRtcClient } from '../support/webrtc-client.js';

const CARRIERS = ['twilio', 'telnyx', 'plivo', 'exotel', 'vonage', 'genesys'];

describe.each(PLATFORMS)('answers to Pipecat’s published clients on %s', (platform) => {
  let running: RunningApp;
  let bot: RecordingLauncher;
  let daily: FakeDaily;
  beforeAll(warmUp, 60_000);
  afterEach(async () => {
    await running.app.close();
    await daily.close();
  });

  const start = async (options: object = {}): Promise<void> => {
    bot = new RecordingLauncher();
    daily = await FakeDaily.start();
    running = await startApp(platform, [
      runnerModule('forRoot', {
        launcher: { useValue: bot },
        transports: [
          SmallWebRtcModule.forRoot({
            iceServers: [
              { urls: 'stun:127.0.0.1:1' },
              { urls: ['turn:127.0.0.1:1'], username: 'u', credential: 'c' },
            ],
            gatheringTimeoutMs: 1,
          }),
          WebSocketModule.forRoot(),
          TelephonyModule.forRoot(),
          DailyModule.forRoot({ apiKey: daily.apiKey, apiUrl: daily.apiUrl }),
          LiveKitModule.forRoot({
            url: 'wss://livekit.example.com',
            apiKey: 'key',
            apiSecret: 'secret-of-more-than-thirty-two-bytes',
          }),
        ],
        ...options,
      }),
    ]);
  };
  const startOf = async (body: object): Promise<Record<string, unknown>> => {
    const { status, json, sessionId } = await post(`${running.url}/start`, body);
    expect([status, sessionId]).toEqual([200, expect.stringMatching(/^[0-9a-f-]{36}$/)]);
    return json;
  };

  it.each([
    ['iOS', iosSmallWebRtc],
    ['Android', androidSmallWebRtc],
  ])('decode with the types of %s over SmallWebRTC', async (_, types) => {
    await start();
    const started = types.start(await startOf({ transport: 'webrtc', body: {} }));
    expect(started.iceConfig!.iceServers).toEqual([
      { urls: ['stun:127.0.0.1:1'] },
      { urls: ['turn:127.0.0.1:1'], username: 'u', credential: 'c' },
    ]);
    const url = `${running.url}/sessions/${started.sessionId}/api/offer`;
    // The request of the Android client.
    const offer = { sdp: BROWSER_OFFER, type: 'offer', restart_pc: false, request_data: {} };
    const { status, json } = await post(url, { ...offer, pc_id: null });
    expect(status).toBe(200);
    const { pc_id } = types.answer(json);
    const patched = await fetch(url, {
      method: 'PATCH',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        pc_id,
        candidates: [{ candidate: '', sdp_mid: null, sdp_mline_index: 0 }],
      }),
    });
    expect([patched.status, await patched.json()]).toEqual([200, { status: 'success' }]);
  });

  it('decode with the types of both where there are no ICE servers', async () => {
    await start({ transports: [SmallWebRtcModule.forRoot()] });
    for (const { start: decode } of [iosSmallWebRtc, androidSmallWebRtc]) {
      expect(decode(await startOf({ transport: 'webrtc' })).iceConfig).toBeUndefined();
      const publicServers = { transport: 'webrtc', enableDefaultIceServers: true };
      expect(decode(await startOf(publicServers)).iceConfig!.iceServers).toHaveLength(1);
    }
  });

  it('decode with the types of both, of signalling in the data channel', async () => {
    await start({ transports: [SmallWebRtcModule.forRoot()] });
    const client = await WebRtcClient.connect({ offerUrl: `${running.url}/api/offer` });
    const { args } = await bot.nextLaunch();
    const { webrtc_connection } = args as SmallWebRTCRunnerArguments;
    webrtc_connection.askToRenegotiate();
    await webrtc_connection.disconnect();
    await client.next(
      ({ message }: { message?: { type?: string } }) => message?.type === 'peerLeft',
    );
    for (const { signalling } of [iosSmallWebRtc, androidSmallWebRtc]) {
      expect(client.messages.map((message) => signalling(message).message.type)).toEqual([
        'renegotiate',
        'peerLeft',
      ]);
    }
    await client.pc.close();
  });

  it('decode with the types of both over Daily', async () => {
    await start();
    const answer = await startOf({ createDailyRoom: true, body: {} });
    expect(iosDaily.start(answer)).toEqual(androidDaily.start(answer));
    expect(iosDaily.start(answer).dailyRoom).toMatch(/^https?:/);
  });

  it('are a url and a token over LiveKit', async () => {
    await start();
    expect(await startOf({ transport: 'livekit' })).toEqual({
      sessionId: expect.any(String),
      url: 'wss://livekit.example.com',
      token: expect.any(String),
    });
  });

  it.each(['none', 'token'] as const)(
    'are a wsUrl and a token alone over WebSockets, with webSocketAuth: %s',
    async (webSocketAuth) => {
      await start({ webSocketAuth });
      for (const transport of ['websocket', ...CARRIERS]) {
        const { wsUrl, token } = webSocket.start(await startOf({ transport }), transport);
        expect([new URL(wsUrl).protocol, typeof token]).toEqual([
          'ws:',
          webSocketAuth === 'token' ? 'string' : 'undefined',
        ]);
      }
    },
  );

  it('are JSON with a string detail when they are errors', async () => {
    await start({ maxSessions: 1, publicKeys: ['public-key-of-16'] });
    const key = { authorization: 'Bearer public-key-of-16' };
    const { url } = running;
    const refused = [
      await post(`${url}/start`, {}),
      await post(`${url}/start`, { transport: 'smoke' }, key),
      await post(`${url}/start`, { transport: 7 }, key),
      await post(`${url}/sessions/nobody/api/offer`, { sdp: BROWSER_OFFER, type: 'offer' }, key),
      await post(`${url}/api/offer`, { sdp: 'v=1', type: 'offer' }, key),
    ];
    await post(`${url}/start`, { transport: 'websocket' }, key);
    refused.push(await post(`${url}/start`, { transport: 'websocket' }, key));
    expect(refused.map(({ status }) => status)).toEqual([401, 400, 422, 404, 400, 429]);
    for (const { json } of refused) expect(webError(json).detail).not.toBe('');
  });
});
