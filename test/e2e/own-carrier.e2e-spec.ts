import { once } from 'node:events';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  type AcceptedCall,
  CallData,
  createTransport,
  InvalidOptionsError,
  type CallDecision,
  CallRouter,
  RunnerModule,
  type RunnerModuleExtras,
  RunnerError,
  type RunnerOptions,
  TelephonyModule,
} from '../../src/index.js';
import { type Carrier, JsonCarrierSerializer, MULAW } from '../../src/bot.js';
import {
  type CarrierDialect,
  placeCall,
  RecordingLauncher,
  startHost,
  type TestHost,
} from '../../src/testing/index.js';

const dialect: CarrierDialect = {
  encoding: 'mulaw',
  newIds: () => ({ streamId: 'line-1', callId: 'call-1' }),
  handshake: ({ streamId, callId, from }) => [{ acme: { line: streamId, call: callId, from } }],
  media: (_, payload) => ({ event: 'media', media: { payload } }),
  audioOf: ({ media }) => media?.payload as string | undefined,
  dtmf: (_, digit) => ({ event: 'dtmf', dtmf: { digit } }),
  stop: () => ({ event: 'stop' }),
  markOf: ({ event, mark }) => (event === 'mark' ? String(mark?.name) : undefined),
  played: (_, name) => ({ event: 'mark', mark: { name } }),
  clearEvent: 'clear',
  returnsMarks: true,
};

const acme: Carrier<'acme', { key: string }> = {
  name: 'acme',
  dialect,
  urlSetting: 'the console of Acme',
  account: { required: { key: 'ACME_KEY' } },
  identify({ acme: start }) {
    if (typeof start !== 'object' || start === null) return undefined;
    const { line, call, from } = start as Record<string, string>;
    return new CallData({ stream_id: line, call_id: call, from });
  },
  serializer: ({ stream_id: line = '' }) =>
    new JsonCarrierSerializer({ codecs: { in: MULAW, out: MULAW }, stream: { line } }),
  verifyConnection({ headers }, { key }) {
    if (headers['x-acme-key'] !== key) throw new RunnerError('UNAUTHORIZED', 'another key');
  },
};

/** Takes every call on accounts of a tenant. */
class RoutesTo extends CallRouter {
  constructor(private readonly credentials: AcceptedCall['credentials']) {
    super();
  }

  route(): CallDecision {
    return { credentials: this.credentials };
  }
}

let host: TestHost | undefined;
afterEach(async () => {
  await host?.close();
  host = undefined;
});

async function start(
  telephony: Parameters<typeof TelephonyModule.forRoot>[0],
  options: RunnerOptions & RunnerModuleExtras = {},
) {
  const launcher = new RecordingLauncher();
  host = await startHost(
    RunnerModule.forRoot({
      launcher: { useValue: launcher },
      transports: [TelephonyModule.forRoot(telephony)],
      ...options,
    }),
    { logger: false },
  );
  return { host, launcher };
}

describe("a carrier of the host's own", () => {
  it('is started, identified, heard and spoken to like the others', async () => {
    const { host: it, launcher } = await start({ carriers: [acme] });
    const { wsUrl, sessionId } = await it.start({ transport: 'acme', body: { plan: 'gold' } });
    const call = await placeCall({ carrier: dialect, url: wsUrl as string, from: '+15550001' });
    const { args } = await launcher.nextLaunch();
    expect(args).toMatchObject({
      transport_type: 'acme',
      session_id: sessionId,
      body: { plan: 'gold' },
      call_data: { stream_id: 'line-1', call_id: 'call-1', from: '+15550001' },
    });
    const transport = await createTransport(args);
    call.press('7');
    const [key] = (await once(transport, 'dtmf')) as [string];
    expect(key).toBe('7');
    void transport.sendAudio({ pcm: new Int16Array(1_600), sampleRateHz: 8_000 });
    expect((await transport.mark('said')).outcome).toBe('played');
    expect(call.audioBytes).toHaveLength(1_600);
    await call.hangUp();
  });

  it('keeps a silent call where it answers no pings', async () => {
    const { host: it, launcher } = await start({
      carriers: [{ ...acme, answersPings: false }],
      pingIntervalMs: 50,
    });
    const ring = (carrier: CarrierDialect | 'twilio') => {
      const url = `${it.url.replace('http', 'ws')}/ws`;
      return placeCall({ carrier, url, webSocketOptions: { autoPong: false } });
    };
    const call = await ring(dialect);
    const { args } = await launcher.nextLaunch();
    const transport = await createTransport(args);
    // A later call of a carrier that should have answered is cut off.
    const other = await ring('twilio');
    await other.closed;
    const key = once(transport, 'dtmf');
    call.press('7');
    expect(await Promise.race([key, call.closed])).toEqual(['7']);
    await call.hangUp();
  });

  it('is named by the webhook and the status', async () => {
    const { host: it } = await start({ carriers: [acme], publicUrl: 'https://bot.example.com' });
    const answer = await fetch(`${it.url}/telephony/acme`, { method: 'POST' });
    expect(await answer.json()).toMatchObject({
      websocket_url: 'wss://bot.example.com/ws',
      note: 'Enter this WebSocket URL in the console of Acme.',
    });
    const status = (await (await fetch(`${it.url}/status`)).json()) as { transports: string[] };
    expect(status.transports).toContain('acme');
  });

  it('verifies connections with the account of the module', async () => {
    const { host: it, launcher } = await start({
      carriers: [acme],
      credentials: { acme: { key: 'k' } },
    });
    const url = `${it.url.replace('http', 'ws')}/ws`;
    const forged = await placeCall({ carrier: dialect, url });
    await expect(forged.closed).resolves.toMatchObject({ code: 1008, reason: 'another key' });
    const headers = { 'x-acme-key': 'k' };
    const call = await placeCall({ carrier: dialect, url, webSocketOptions: { headers } });
    await launcher.nextLaunch();
    await call.hangUp();
  });

  it('verifies connections with the account that a CallRouter returns', async () => {
    const useValue = new RoutesTo({ acme: { key: 'tenant' } });
    const { host: it, launcher } = await start({ carriers: [acme] }, { callRouter: { useValue } });
    const url = `${it.url.replace('http', 'ws')}/ws`;
    const forged = await placeCall({ carrier: dialect, url });
    await expect(forged.closed).resolves.toMatchObject({ code: 1008, reason: 'another key' });
    const headers = { 'x-acme-key': 'tenant' };
    const call = await placeCall({ carrier: dialect, url, webSocketOptions: { headers } });
    await launcher.nextLaunch();
    await call.hangUp();
  });

  it('takes no call for which a CallRouter returns an account that is none', async () => {
    const useValue = new RoutesTo({ acme: { secret: 'tenant' } });
    const { host: it, launcher } = await start({ carriers: [acme] }, { callRouter: { useValue } });
    const call = await placeCall({ carrier: dialect, url: `${it.url.replace('http', 'ws')}/ws` });
    await expect(call.closed).resolves.toMatchObject({ code: 1011 });
    expect(launcher.launches).toHaveLength(0);
  });

  it.each<[unknown, RegExp]>([
    [[{ ...acme, name: 'twilio' }], /carriers must not have twilio: the name is taken/],
    [[acme, acme], /carriers must not have acme: the name is taken/],
    [[{ ...acme, name: 'eval' }], /must not have eval/],
    [[{ ...acme, name: 'A b' }], /a name of small letters, digits, - and _/],
    [[{ ...acme, serializer: undefined }], /in acme the methods identify\(\) and serializer\(\)/],
    [[null], /a name of small letters/],
    [acme, /carriers must be a list of carriers/],
  ])('must be one: %#', (carriers, message) => {
    const make = () => TelephonyModule.forRoot({ carriers: carriers as never });
    expect(make).toThrow(InvalidOptionsError);
    expect(make).toThrow(message);
  });

  it('leaves calls to the other carriers where its identify() throws', async () => {
    const faulty: Carrier<'acme', { key: string }> = {
      ...acme,
      identify({ start }) {
        return (start as { acme: { call: CallData } }).acme.call;
      },
    };
    const { host: it, launcher } = await start({ carriers: [faulty] });
    const call = await placeCall({ carrier: 'twilio', url: `${it.url.replace('http', 'ws')}/ws` });
    const { args } = await launcher.nextLaunch();
    expect(args).toMatchObject({ transport_type: 'twilio' });
    await call.hangUp();
  });

  it.each(['audio', 'mark'] as const)(
    'ends only the call whose serializer throws in %s(), from a timer',
    async (method) => {
      let chunks = 0;
      const thrown = (): never => {
        throw new Error('a bug');
      };
      const faulty: Carrier<'acme', { key: string }> = {
        ...acme,
        serializer(call) {
          const serializer = acme.serializer(call);
          if (call.from !== '+15550666') return serializer;
          const audio = (pcm: Int16Array) => (++chunks > 20 ? thrown() : serializer.audio(pcm));
          return Object.assign(Object.create(serializer) as typeof serializer, {
            ...(method === 'audio' ? { audio } : { mark: thrown }),
          });
        },
      };
      const { host: it, launcher } = await start({ carriers: [faulty] });
      const url = `${it.url.replace('http', 'ws')}/ws`;
      const good = await placeCall({ carrier: dialect, url, from: '+15550001' });
      const goodTransport = await createTransport((await launcher.nextLaunch()).args);
      const bad = await placeCall({ carrier: dialect, url, from: '+15550666' });
      const { args, session } = await launcher.nextLaunch();
      const transport = await createTransport(args);
      void transport.sendAudio({ pcm: new Int16Array(8_000), sampleRateHz: 8_000 });
      const marked = transport.mark('said');
      expect((await marked).outcome).toBe('disconnected');
      expect(session.signal.reason).toMatchObject({
        code: 'failed',
        message: `The serializer threw in ${method}().`,
      });
      await bad.closed;
      void goodTransport.sendAudio({ pcm: new Int16Array(1_600), sampleRateHz: 8_000 });
      expect((await goodTransport.mark('said')).outcome).toBe('played');
      await good.hangUp();
    },
  );

  it('has its account checked', async () => {
    await expect(start({ carriers: [acme], credentials: { acme: {} } })).rejects.toThrow(
      /credentials must have acme\.key, a string/,
    );
    expect(
      TelephonyModule.fromEnv({ ACME_KEY: 'k' }, { carriers: [acme] })!.providers,
    ).toContainEqual(
      expect.objectContaining({
        useValue: expect.objectContaining({ credentials: { acme: { key: 'k' } } }),
      }),
    );
  });
});
