import { once } from 'node:events';
import { afterEach, describe, expect, it } from '@jest/globals';
import { RunnerModule, type Session, TelephonyModule, createTransport } from '../../src/index.js';
import { RecordingLauncher, startHost, type TestHost } from '../../src/testing/index.js';
import { FakeVonage, type VonageOptions } from '../support/fake-vonage.js';
import { tone } from '../support/sound.js';

let host: TestHost | undefined;
afterEach(async () => {
  await host?.close();
  host = undefined;
});

async function start(rateHz: VonageOptions['rateHz'], headers = {}) {
  const launcher = new RecordingLauncher();
  host = await startHost(
    RunnerModule.forRoot({
      launcher: { useValue: launcher },
      transports: [TelephonyModule.forRoot()],
    }),
    { logger: false },
  );
  const url = `${host.url.replace('http', 'ws')}/ws`;
  const call = await FakeVonage.connect({ url, rateHz, headers });
  const { args, session } = await launcher.nextLaunch();
  const transport = await createTransport(args, { sampleRateHz: rateHz });
  return { call, args, session, transport };
}

describe('a call from Vonage', () => {
  it.each(['audio/l16', 'audio/l16;rate=0', 'audio/l16;rate=1000000000', 'audio/l16;rate=abc'])(
    'ends with what is wrong with its content type %s, not with the bot',
    async (contentType) => {
      const launcher = new RecordingLauncher(async (args) => void (await createTransport(args)));
      host = await startHost(
        RunnerModule.forRoot({
          launcher: { useValue: launcher },
          transports: [TelephonyModule.forRoot()],
        }),
        { logger: false },
      );
      const url = `${host.url.replace('http', 'ws')}/ws`;
      const headers = { 'content-type': contentType };
      const call = await FakeVonage.connect({ url, rateHz: 8_000, headers });
      const { session } = await launcher.nextLaunch();
      await expect((session as Session).ended).resolves.toMatchObject({
        code: 'failed',
        message: `Vonage sends this call as '${contentType}'; understood is audio/l16;rate=16000, or another rate.`,
      });
      await expect(call.closed).resolves.toMatchObject({ code: 1011 });
    },
  );

  it.each([8_000, 16_000, 24_000] as const)('talks both ways at %d Hz', async (rateHz) => {
    const headers = { from_number: '+15550001', to_number: '+15550002', plan: { name: 'gold' } };
    const { call, args, transport } = await start(rateHz, headers);
    expect(args).toMatchObject({
      transport_type: 'vonage',
      call_data: { from: '+15550001', to: '+15550002', body: headers },
    });
    const said = tone(440, rateHz, 0.4);
    const heard: number[] = [];
    transport.on('audio', ({ pcm }) => heard.push(...pcm));
    call.speak(said);
    call.send({ event: 'websocket:dtmf', digit: '7', duration: 260 });
    const [key] = (await once(transport, 'dtmf')) as [string];
    expect(key).toBe('7');
    expect(Int16Array.from(heard)).toEqual(said);
    await transport.sendAudio({ pcm: said, sampleRateHz: rateHz });
    await call.heard(said.length * 2);
    expect(call.violations).toEqual([]);
  });

  it('confirms marks when they are played, and drops what is cleared', async () => {
    const { call, transport } = await start(16_000);
    void transport.sendAudio({ pcm: tone(440, 16_000, 0.2), sampleRateHz: 16_000 });
    expect((await transport.mark('said')).outcome).toBe('played');
    void transport.sendAudio({ pcm: tone(440, 16_000, 4), sampleRateHz: 16_000 });
    const late = transport.mark('never said');
    await call.heard(20_000);
    transport.clear();
    await once(call, 'cleared');
    expect((await late).outcome).toBe('cleared');
    expect(call.violations).toEqual([]);
  });

  it('carries the commands of the bot, and what is said of the speaker', async () => {
    const { call, transport } = await start(8_000);
    expect(transport.sendMessage({ label: 'rtvi-ai', type: 'x' })).toBe(false);
    expect(transport.sendMessage('text')).toBe(false);
    expect(transport.sendMessage({ action: 'notify', payload: { mine: 1 } })).toBe(true);
    const [notified] = (await once(transport, 'message')) as [unknown];
    expect(notified).toEqual({ event: 'websocket:notify', payload: { mine: 1 } });
    const update = { event: 'websocket:media:update', active: false };
    call.send(update);
    const [muted] = (await once(transport, 'message')) as [unknown];
    expect(muted).toEqual(update);
    expect(call.commands).toHaveLength(1);
  });

  it('ends with the connection, whoever ends it', async () => {
    const { call, session, transport } = await start(8_000);
    const outcome = await transport.hangUp();
    expect(outcome).toEqual({ ok: true, via: 'connection' });
    await expect(call.closed).resolves.toEqual({ code: 1000 });
    expect(session.signal.aborted).toBe(true);
    await host!.close();
    const again = await start(8_000);
    again.call.send({ event: 'websocket:disconnected' });
    again.call.socket.close();
    const [{ reason }] = (await once(again.transport, 'disconnected')) as [{ reason: string }];
    expect(reason).toBe('peer_left');
  });
});
