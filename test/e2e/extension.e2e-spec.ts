import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { bytesFromPcm, MULAW, pcmFromBytes } from '../../src/bot.js';
import { PackedPackage } from '../support/packed-package.js';
import { closeOf, connect, post } from '../support/runner-app.js';
import { similarity, tone } from '../support/sound.js';

let packed: PackedPackage;
let app: string;

beforeAll(async () => {
  packed = await PackedPackage.create();
  app = await packed.copyApp('test/extension');
  await packed.compile(app);
}, 180_000);
afterAll(() => packed.remove());

const get = async (url: string): Promise<string> => (await fetch(url)).text();

/** Says a tone, and returns what the bot said: at least so many samples. */
async function converse(wsUrl: string, token: string, said: Int16Array): Promise<Int16Array> {
  const socket = await connect(`${wsUrl}?token=${token}`);
  const received: Buffer[] = [];
  const areBinary = new Set<boolean>();
  let bytes = 0;
  socket.on('message', (data: Buffer, isBinary) => {
    areBinary.add(isBinary);
    received.push(data);
    bytes += data.length;
  });
  for (let at = 0; at < said.length; at += 320) socket.send(bytesFromPcm(said.slice(at, at + 320)));
  while (bytes < said.length * 2) await once(socket, 'message');
  socket.close();
  await once(socket, 'close');
  expect([...areBinary]).toEqual([true]);
  return pcmFromBytes(Buffer.concat(received));
}

describe('a transport of a third party, made from the exports of the package alone', () => {
  it.each([
    ['in the process of the runner', []],
    ['in a process of its own', ['isolated']],
  ])(
    'has a bot %s that hears and speaks, with tokens, metrics and OpenAPI',
    async (_, args) => {
      const { url, child } = await packed.start(app, 'dist/main.js', ...args);
      const { json, status } = await post(`${url}/start`, { transport: 'pcm' });
      expect(status).toBe(200);
      expect(json).toMatchObject({
        wsUrl: `${url.replace('http', 'ws')}/pcm`,
        token: expect.any(String),
      });
      const said = tone(500, 16_000, 0.5);
      const heard = await converse(json.wsUrl as string, json.token as string, said);
      const changed = said.map((sample) => -sample);
      expect(similarity(heard, 16_000, changed, 16_000)).toBeGreaterThan(0.99);
      // The sound is what was said with its signs changed, and not merely something like it.
      expect(heard.subarray(0, 4_000)).toEqual(changed.subarray(0, 4_000));

      let metrics = '';
      while (!/pipecat_session_ends_total\{[^}]*transport="pcm"/.test(metrics)) {
        await sleep(50);
        metrics = await get(`${url}/metrics`);
      }
      expect(metrics).toMatch(/pipecat_session_ends_total\{[^}]*reason="peer_left"[^}]*\} 1/);
      expect(metrics).toMatch(/pipecat_media_audio_total\{[^}]*transport="pcm"[^}]*\} [1-9]/);

      await expect(
        closeOf(`${json.wsUrl as string}?token=${json.token as string}`),
      ).resolves.toMatchObject({ code: 4003 });
      await expect(closeOf(`${json.wsUrl as string}?token=wrong`)).resolves.toMatchObject({
        code: 4003,
      });

      const document = JSON.parse(await get(`${url}/openapi.json`)) as {
        paths: Record<string, object>;
      };
      expect(document.paths['/pcm/format']).toHaveProperty(
        'get.summary',
        'Describes the audio of the pcm transport',
      );
      expect(JSON.stringify(document)).toContain('"enum":["pcm"]');
      expect(JSON.parse(await get(`${url}/pcm/format`))).toEqual({ sampleRateHz: 16_000 });
      expect(JSON.parse(await get(`${url}/status`))).toEqual({
        status: 'ready',
        transports: ['pcm'],
      });

      const exit = once(child, 'exit');
      child.kill('SIGTERM');
      await exit;
    },
    120_000,
  );
});

describe('a carrier of a third party, made from the exports of the package alone', () => {
  it('takes a call that its bot hears and speaks on, and checks the key of the connection', async () => {
    const { url, child } = await packed.start(app, 'dist/phone.js');
    const wsUrl = `${url.replace('http', 'ws')}/ws`;
    const start = JSON.stringify({ acme: { line: 'line-1', id: 'call-1', from: '+15550001' } });

    const forged = await connect(wsUrl);
    forged.send(start);
    await expect(closeOf(forged)).resolves.toEqual({ code: 1008, reason: 'another key' });

    const socket = await connect(wsUrl, { headers: { 'x-acme-key': 'k' } });
    const lines = new Set<unknown>();
    const received: Buffer[] = [];
    socket.on('message', (data: Buffer) => {
      const { event, line, media } = JSON.parse(data.toString()) as {
        event: string;
        line?: string;
        media?: { payload: string };
      };
      if (event !== 'media') return;
      lines.add(line);
      received.push(Buffer.from(media!.payload, 'base64'));
    });
    socket.send(start);
    const said = tone(500, 8_000, 0.5);
    for (let at = 0; at < said.length; at += 160) {
      const payload = MULAW.encode(said.slice(at, at + 160));
      const media = { payload: Buffer.from(payload).toString('base64') };
      socket.send(JSON.stringify({ event: 'media', media }));
    }
    while (Buffer.concat(received).length < said.length) await once(socket, 'message');
    expect([...lines]).toEqual(['line-1']);
    const heard = MULAW.decode(Buffer.concat(received))!;
    const changed = said.map((sample) => -sample);
    expect(similarity(heard, 8_000, changed, 8_000)).toBeGreaterThan(0.99);

    socket.close();
    await once(socket, 'close');
    let metrics = '';
    while (
      !/pipecat_session_ends_total\{[^}]*transport="acme"[^}]*reason="peer_left"/.test(metrics)
    ) {
      await sleep(50);
      metrics = await get(`${url}/metrics`);
    }
    const status = JSON.parse(await get(`${url}/status`)) as { transports: string[] };
    expect(status.transports).toContain('acme');
    const exit = once(child, 'exit');
    child.kill('SIGTERM');
    await exit;
  });
});
