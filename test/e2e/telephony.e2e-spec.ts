import { once } from 'node:events';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  callerParameters,
  CallData,
  RunnerModule,
  type RunnerOptions,
  type Session,
  SessionRegistry,
  TelephonyModule,
  type WebSocketRunnerArguments,
} from '../../src/index.js';
import { ExotelCallData, TelnyxCallData } from '../../src/bot.js';
import { placeCall, RecordingLauncher } from '../../src/testing/index.js';
import {
  closeApps,
  closeOf,
  connect,
  PLATFORMS,
  post,
  type RunningApp,
  startApp,
} from '../support/runner-app.js';

let running: RunningApp | undefined;
afterEach(closeApps);

async function start(
  platform: (typeof PLATFORMS)[number],
  options: RunnerOptions & { telephony?: Parameters<typeof TelephonyModule.forRoot>[0] } = {},
) {
  const launcher = new RecordingLauncher();
  const { telephony, ...runnerOptions } = options;
  running = await startApp(platform, [
    RunnerModule.forRoot({
      launcher: { useValue: launcher },
      transports: [TelephonyModule.forRoot(telephony)],
      ...runnerOptions,
    }),
  ]);
  return { ...running, launcher, registry: running.app.get(SessionRegistry, { strict: false }) };
}

async function webhook(
  url: string,
  form = '',
): Promise<{ status: number; type: string; text: string }> {
  const response = await fetch(url, {
    method: 'POST',
    body: form,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
  });
  return {
    status: response.status,
    type: response.headers.get('content-type') ?? '',
    text: await response.text(),
  };
}

/** Without the declaration and the white space between elements. */
const bare = (xml: string) =>
  xml
    .replace(/<\?xml.*?\?>/, '')
    .replace(/>\s+</g, '><')
    .trim();

describe.each(PLATFORMS)('telephony on %s', (platform) => {
  it.each([
    ['twilio', CallData],
    ['telnyx', TelnyxCallData],
    ['plivo', CallData],
    ['exotel', ExotelCallData],
  ] as const)(
    'connects a call from %s, and ends when the caller hangs up',
    async (carrier, type) => {
      const { wsUrl, launcher, registry } = await start(platform);
      const call = await placeCall({
        carrier,
        url: `${wsUrl}/ws`,
        from: '+15550001',
        to: '+15550002',
      });
      const { args, session } = await launcher.nextLaunch();
      expect(args).toMatchObject({ transport_type: carrier, session_id: session.id });
      expect(args.call_data).toBeInstanceOf(type);
      expect(args.call_data).toMatchObject({
        stream_id: expect.any(String),
        call_id: expect.any(String),
      });
      expect((session as Session).transport).toBe(carrier);
      await call.hangUp();
      await expect((session as Session).ended).resolves.toMatchObject({ code: 'peer_left' });
      expect(registry.size).toBe(0);
    },
  );

  it.each(['twilio', 'telnyx', 'plivo', 'exotel'] as const)(
    'gives the bot of a %s call the session and body of POST /start',
    async (carrier) => {
      const { url, launcher } = await start(platform);
      const { json, sessionId } = await post(`${url}/start`, {
        transport: carrier,
        body: { plan: 'gold' },
      });
      const call = await placeCall({ carrier, url: json.wsUrl as string });
      const { args } = await launcher.nextLaunch();
      expect(args).toMatchObject({ session_id: sessionId, body: { plan: 'gold' } });
      await call.hangUp();
    },
  );

  it.each([
    ['twilio', '<Response><Connect><Stream url="wss://HOST/ws"></Stream></Connect></Response>'],
    [
      'telnyx',
      '<Response><Connect><Stream url="wss://HOST/ws" bidirectionalMode="rtp"></Stream></Connect></Response>',
    ],
    [
      'plivo',
      '<Response><Stream bidirectional="true" keepCallAlive="true" contentType="audio/x-mulaw;rate=8000">wss://HOST/ws</Stream></Response>',
    ],
  ])('answers the webhook of %s', async (carrier, xml) => {
    const { url } = await start(platform, { telephony: { publicUrl: 'https://HOST/' } });
    const answer = await webhook(`${url}/telephony/${carrier}`, 'From=%2B15550001');
    expect(answer).toMatchObject({ status: 200, type: expect.stringMatching(/^application\/xml/) });
    expect(bare(answer.text)).toBe(xml);
  });

  it('answers the webhook of exotel with JSON', async () => {
    const { url } = await start(platform, { publicUrl: 'bot.example.com' });
    const answer = await webhook(`${url}/telephony/exotel`);
    expect(answer.type).toMatch(/^application\/json/);
    expect(answer.text).toContain('wss://bot.example.com/ws');
    expect(answer.text).toMatch(/Voicebot/);
  });

  it('passes custom parameters from the webhook to the bot, escaped', async () => {
    const { url } = await start(platform, {
      publicUrl: 'bot.example.com',
      telephony: {
        customParameters: (fields, carrier) => ({
          from_number: String(fields.From),
          q: `"<&>'${carrier}`,
        }),
      },
    });
    const { text } = await webhook(`${url}/telephony/twilio`, 'From=%2B15550001');
    expect(text).toContain('<Parameter name="from_number" value="+15550001"');
    expect(text).toMatch(/value="&quot;&lt;&amp;&gt;(&apos;|&#39;|')twilio"/);
  });

  it('binds the token in a webhook answer to a session of its own', async () => {
    const { url, wsUrl, launcher, registry } = await start(platform, {
      publicUrl: 'bot.example.com',
      webSocketAuth: 'token',
    });
    const { text } = await webhook(`${url}/telephony/twilio`);
    const token = /wss:\/\/bot\.example\.com\/ws\/([\w.-]+)"/.exec(text)![1]!;
    expect(registry.size).toBe(1);
    const call = await placeCall({ carrier: 'twilio', url: `${wsUrl}/ws/${token}` });
    await launcher.nextLaunch();
    await expect(closeOf(`${wsUrl}/ws/${token}`)).resolves.toMatchObject({ code: 4003 });
    await expect(closeOf(`${wsUrl}/ws`)).resolves.toMatchObject({ code: 4003 });
    await call.hangUp();
  });

  it('gives the bot the numbers of the connection, and of the webhook where that has none', async () => {
    const { url, wsUrl, launcher } = await start(platform, {
      publicUrl: 'bot.example.com',
      webSocketAuth: 'token',
    });
    const form = 'From=%2B15550003&To=%2B15550004';
    const { text } = await webhook(`${url}/telephony/telnyx`, form);
    const token = /wss:\/\/bot\.example\.com\/ws\/([\w.-]+)"/.exec(text)![1]!;
    const call = await placeCall({
      carrier: 'telnyx',
      url: `${wsUrl}/ws/${token}`,
      from: '+15550001',
    });
    const { args } = await launcher.nextLaunch();
    expect(args.call_data).toMatchObject({ from: '+15550001', to: '+15550004' });
    await call.hangUp();
  });

  it('serves the webhook of one carrier at a path of the host', async () => {
    const { url } = await start(platform, {
      telephony: { webhookPath: 'calls/in', carrier: 'plivo' },
    });
    expect((await webhook(`${url}/calls/in`)).text).toContain('<Stream bidirectional');
    expect((await webhook(`${url}/telephony/plivo`)).status).toBe(404);
  });

  it('answers an unknown carrier with the known ones', async () => {
    const { url } = await start(platform);
    const { status, json } = await post(`${url}/telephony/pigeon`);
    expect(status).toBe(404);
    expect(json.detail).toMatch(/twilio, telnyx, plivo, exotel/);
  });

  it.each(['null', '[]', '"a"', '7'])('refuses a webhook of %s', async (body) => {
    const { url } = await start(platform, { telephony: { customParameters: callerParameters } });
    const { status, json } = await post(`${url}/telephony/twilio`, body);
    expect(status).toBe(422);
    expect(json.detail).toMatch(/form or a JSON object/);
  });

  it('loses no media that directly follows the handshake', async () => {
    const { wsUrl, launcher } = await start(platform);
    const client = await connect(`${wsUrl}/ws`);
    client.send(JSON.stringify({ event: 'connected' }));
    client.send(
      JSON.stringify({
        event: 'start',
        start: { streamSid: 'MZ1', callSid: 'CA1', customParameters: { a: '1' } },
      }),
    );
    for (let i = 0; i < 20; i++) client.send(`media ${i}`);
    const { args } = await launcher.nextLaunch();
    expect(args.call_data).toMatchObject({ stream_id: 'MZ1', call_id: 'CA1', body: { a: '1' } });
    const got: string[] = [];
    const socket = (args as WebSocketRunnerArguments).websocket;
    await new Promise<void>((resolve) =>
      socket.on('message', (data: Buffer) => {
        if (got.push(data.toString()) === 20) resolve();
      }),
    );
    expect(got).toEqual(Array.from({ length: 20 }, (_, i) => `media ${i}`));
    client.close();
  });

  it.each<[string, string[]]>([
    ['no carrier', ['{"hello":1}', 'not JSON']],
    ['arrays and nulls', ['[]', '{"event":"start","start":null}']],
  ])('ends the session of a caller who is %s', async (_, messages) => {
    const { wsUrl, registry, launcher } = await start(platform);
    const client = await connect(`${wsUrl}/ws`);
    const closed = closeOf(client);
    messages.forEach((message) => client.send(message));
    await expect(closed).resolves.toMatchObject({ code: 1008 });
    expect(registry.size).toBe(0);
    expect(launcher.launches).toHaveLength(0);
  });

  it('times out a caller without a handshake', async () => {
    const { wsUrl, registry } = await start(platform, { telephony: { handshakeTimeoutMs: 30 } });
    await expect(closeOf(`${wsUrl}/ws`)).resolves.toMatchObject({ code: 1008 });
    expect(registry.size).toBe(0);
  });

  it('ends the session of a caller who leaves before the handshake', async () => {
    const { url, registry } = await start(platform);
    const { json, sessionId } = await post(`${url}/start`, { transport: 'twilio' });
    const session = registry.get(sessionId)!;
    const client = await connect(json.wsUrl as string);
    client.close();
    await once(client, 'close');
    await expect(session.ended).resolves.toMatchObject({ code: 'peer_left' });
  });

  it('accepts only the carrier that it is restricted to', async () => {
    const { wsUrl } = await start(platform, { onlyTransport: 'twilio' });
    const call = await placeCall({ carrier: 'plivo', url: `${wsUrl}/ws` });
    await expect(call.closed).resolves.toMatchObject({ code: 1008 });
  });
});
