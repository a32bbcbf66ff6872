import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { connectClient } from '../../src/testing/index.js';
import { FakeDaily } from '../support/fake-daily.js';
import { freePort } from '../support/free-port.js';
import { connect, nextText, post } from '../support/runner-app.js';
import { similarity, tone } from '../support/sound.js';
import { itWith } from '../support/needs.js';

const main = join(process.cwd(), 'dist', 'main.js');
let dir: string;
let child: ChildProcess | undefined;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'runner-'));
});
afterEach(async () => {
  if (child && child.exitCode === null && child.signalCode === null) {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  await rm(dir, { recursive: true });
});

/** Starts the runner in a folder of its own, and resolves with its URL and banner. */
async function start(...flags: string[]): Promise<{ url: string; wsUrl: string; banner: string }> {
  child = spawn(process.execPath, [main, '--host', '127.0.0.1', '--port', '0', ...flags], {
    cwd: dir,
  });
  let output = '';
  child.stderr!.on('data', (text: Buffer) => (output += text.toString()));
  for await (const line of createInterface(child.stdout!)) {
    output += `${line}\n`;
    if (!line.includes('Allowed origins')) continue;
    const url = /http:\/\/\S+/.exec(output)![0];
    child.stdout!.resume();
    return { url, wsUrl: url.replace('http', 'ws'), banner: output };
  }
  throw new Error(`the runner did not start: ${output}`);
}

/** Has a conversation, of which the log has something to say. */
async function talk(url: string): Promise<void> {
  const { json } = await post(`${url}/start`, { transport: 'websocket' });
  const socket = await connect(String(json.wsUrl));
  socket.close();
  await once(socket, 'close');
}

async function stop(): Promise<number | null> {
  const exit = once(child!, 'exit');
  child!.kill('SIGTERM');
  const [code] = (await exit) as [number | null];
  return code;
}

describe('pipecat-runner', () => {
  it('greets a published client, echoes, and stops on SIGTERM', async () => {
    const { url, wsUrl, banner } = await start('--drain-timeout', '0');
    expect(banner).toMatch(/Enabled transports\s+websocket, twilio, telnyx, plivo, exotel/);
    expect(banner).toMatch(/Disabled\s+daily: no API key: set DAILY_API_KEY/);
    expect(banner).toMatch(
      /Disabled\s+livekit: set LIVEKIT_URL, LIVEKIT_API_KEY, LIVEKIT_API_SECRET/,
    );
    expect(banner).toMatch(/WebSocket auth\s+none/);
    const { json } = await post(`${url}/start`, { transport: 'websocket' });
    const client = await connectClient(json.wsUrl as string);
    expect((await client.ready()).data).toMatchObject({ version: '2.2.0' });
    expect((await client.next('bot-output')).data).toMatchObject({
      text: expect.stringMatching(/^Hello/),
    });
    expect((await client.request('hello', { a: 1 })).data).toEqual({ t: 'hello', d: { a: 1 } });
    const speech = tone(440, 16_000, 0.5);
    await client.speak(speech, { pace: 'asap' });
    await client.heard(12_000);
    expect(similarity(client.audio, 24_000, speech, 16_000)).toBeGreaterThan(0.95);
    expect(await stop()).toBe(0);
    await expect(client.closed).resolves.toMatchObject({ code: 1001 });
    await expect(connect(`${wsUrl}/ws-client`)).rejects.toThrow();
  });

  it('redirects / to the console', async () => {
    const { url, banner } = await start('-t', 'twilio');
    expect(banner).toContain(`Console             ${url}/client/`);
    const root = await fetch(url, { redirect: 'manual' });
    expect([root.status, root.headers.get('location')]).toEqual([302, 'client/']);
    const page = await fetch(url);
    expect(page.url).toBe(`${url}/client/`);
    expect(await page.text()).toContain('<title>Pipecat console</title>');
  });

  it('answers the webhook of its one carrier at POST /', async () => {
    const { url } = await start(
      '-t',
      'twilio',
      '--proxy',
      'https://bot.example.com/',
      '--ws-auth',
      'token',
    );
    const response = await fetch(url, { method: 'POST' });
    expect(response.headers.get('content-type')).toMatch(/xml/);
    expect(await response.text()).toMatch(
      /url="wss:\/\/bot\.example\.com\/ws\/[\w-]+\.[0-9a-f]{64}"/,
    );
    expect(await (await fetch(`${url}/status`)).json()).toEqual({
      status: 'ready',
      transports: ['twilio'],
    });
  });

  it('answers unknown routes in its own error format', async () => {
    const { url } = await start();
    const response = await fetch(`${url}/strat`, { method: 'POST' });
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ statusCode: 404, detail: 'Cannot POST /strat' });
  });

  it('serves metrics and OpenAPI, and logs start-up details only with -v', async () => {
    const { url, banner } = await start();
    expect(banner).not.toMatch(/Mapped|dependencies initialized/);
    expect(await (await fetch(`${url}/metrics`)).text()).toMatch(/pipecat_sessions/);
    expect((await fetch(`${url}/openapi.json`)).status).toBe(200);
    await stop();
    expect((await start('-v')).banner).toMatch(/Mapped \{\/start, POST\} route/);
  });

  it('accepts WhatsApp calls with credentials, which --whatsapp requires', async () => {
    await expect(start('--whatsapp')).rejects.toThrow(/WHATSAPP_PHONE_NUMBER_ID/);
    const env = ['TOKEN=t', 'PHONE_NUMBER_ID=1', 'APP_SECRET=s', 'WEBHOOK_VERIFICATION_TOKEN=v'];
    await writeFile(join(dir, '.env'), env.map((line) => `WHATSAPP_${line}\n`).join(''));
    const { url } = await start('--whatsapp');
    const query = 'hub.mode=subscribe&hub.challenge=42&hub.verify_token=v';
    expect(await (await fetch(`${url}/whatsapp?${query}`)).text()).toBe('42');
  });

  it('serves the files of --folder', async () => {
    await writeFile(join(dir, 'note.txt'), 'a note');
    const { url } = await start('--folder', dir);
    expect(await (await fetch(`${url}/files/note.txt`)).text()).toBe('a note');
  });

  it('passes the content of --runner-body to WebSocket bots without a body', async () => {
    await writeFile(join(dir, 'body.json'), '{"image":"cat.png"}');
    await writeFile(
      join(dir, 'bot.mjs'),
      "export default async function bot(args) { args.websocket.send(JSON.stringify(args.body)); await new Promise((r) => args.websocket.once('message', r)); }",
    );
    const { url, wsUrl } = await start('--bot', './bot.mjs', '--runner-body', './body.json');
    const uninvited = await connect(`${wsUrl}/ws-client`);
    expect(await nextText(uninvited)).toBe('{"image":"cat.png"}');
    const { json } = await post(`${url}/start`, { transport: 'websocket', body: { n: 1 } });
    const invited = await connect(json.wsUrl as string);
    expect(await nextText(invited)).toBe('{"n":1}');
    for (const socket of [uninvited, invited]) socket.close();
  });

  it('accepts evals', async () => {
    const { wsUrl } = await start('-t', 'webrtc');
    const socket = await connect(`${wsUrl}/ws`);
    for (const [type, data] of [
      ['client-message', { t: 'eval-connect', d: {} }],
      ['client-ready', { version: '2.1.0' }],
    ])
      socket.send(JSON.stringify({ label: 'rtvi-ai', type, id: '1', data }));
    expect(JSON.parse(await nextText(socket))).toMatchObject({ type: 'bot-ready', id: '1' });
    socket.close();
  });

  it('continues when its log’s reader is gone', async () => {
    const { url } = await start('--drain-timeout', '0');
    child!.stdout!.destroy();
    child!.stderr!.destroy();
    for (let i = 0; i < 3; i++) await talk(url);
    expect((await fetch(`${url}/status`)).status).toBe(200);
    expect(await stop()).toBe(0);
  });

  itWith('/dev/full')('goes on when the disk of its log is full', async () => {
    const port = await freePort();
    const full = await open('/dev/full', 'w');
    child = spawn(
      process.execPath,
      [main, '--host', '127.0.0.1', '--port', String(port), '--drain-timeout', '0'],
      { cwd: dir, stdio: ['ignore', full.fd, full.fd] },
    );
    await full.close();
    const url = `http://127.0.0.1:${port}`;
    while (!(await fetch(`${url}/status`).catch(() => undefined))) {
      expect(child.exitCode).toBe(null);
      await sleep(50);
    }
    for (let i = 0; i < 3; i++) await talk(url);
    expect((await fetch(`${url}/status`)).status).toBe(200);
    expect(await stop()).toBe(0);
  });

  it('reads .env', async () => {
    await writeFile(
      join(dir, '.env'),
      'PIPECAT_WEBSOCKET_AUTH=token\nPIPECAT_ALLOWED_ORIGINS=https://a.example, https://b.example\n',
    );
    const { banner } = await start();
    expect(banner).toMatch(/WebSocket auth\s+token/);
    expect(banner).toMatch(/Allowed origins\s+https:\/\/a\.example, https:\/\/b\.example/);
  });

  it('takes its keys from the environment, and hides them from the bot', async () => {
    await writeFile(
      join(dir, '.env'),
      'PIPECAT_PUBLIC_KEYS=pk_0123456789abcdef, pk_of-somebody-else\nPIPECAT_PRIVATE_KEYS=sk_0123456789abcdef\n',
    );
    await writeFile(
      join(dir, 'bot.mjs'),
      'export default async (args) => args.websocket.send(JSON.stringify(args));',
    );
    const { url } = await start('--bot', './bot.mjs');
    const request = { transport: 'websocket' };
    expect((await post(`${url}/start`, request)).status).toBe(401);
    const key = { authorization: 'Bearer pk_of-somebody-else' };
    const { json } = await post(`${url}/start`, request, key);
    const { WebSocket } = await import('ws');
    expect(await nextText(new WebSocket(json.wsUrl as string))).not.toMatch(/pk_|sk_/);
    expect((await fetch(`${url}/sessions`, { headers: key })).status).toBe(401);
  });

  describe('with a Daily account', () => {
    let daily: FakeDaily;
    beforeEach(async () => {
      daily = await FakeDaily.start();
      await writeFile(
        join(dir, '.env'),
        `DAILY_API_KEY=${daily.apiKey}\nDAILY_API_URL=${daily.apiUrl}\nPINLESS_HMAC_SECRET=c2VjcmV0IQ==\n` +
          'LIVEKIT_URL=wss://example.com\nLIVEKIT_API_KEY=k\nLIVEKIT_API_SECRET=s\n',
      );
      await writeFile(
        join(dir, 'bot.mjs'),
        'export default async (args, session) => { session.ready(); console.log("in", args.room_url); }',
      );
    });
    afterEach(() => daily.close());

    it('offers rooms and accepts phone calls', async () => {
      const { url, banner } = await start('--bot', './bot.mjs');
      expect(banner).toMatch(/Enabled transports\s+websocket, .*daily, livekit/);
      const { json } = await post(`${url}/start`, { createDailyRoom: true });
      expect(json.dailyRoom).toBe(`https://example.daily.co/${[...daily.rooms.keys()][0]}`);
      expect((await post(`${url}/daily-dialin-webhook`, { test: 'test' })).status).toBe(200);
      expect((await post(`${url}/daily-dialin-webhook`, {})).status).toBe(401);
    });

    it('refuses phone calls with --no-dialin', async () => {
      const { url } = await start('-t', 'daily', '--no-dialin');
      expect((await post(`${url}/daily-dialin-webhook`, { test: 'test' })).status).toBe(404);
    });

    it('joins a room at once with --direct, and exits with the session', async () => {
      const { stdout } = await promisify(execFile)(
        process.execPath,
        [main, '--direct', '--bot', './bot.mjs'],
        { cwd: dir },
      );
      const [name] = [...daily.rooms.keys()];
      expect(stdout).toContain(`Joining Daily room: https://example.daily.co/${name}\n`);
      expect(stdout).toContain(`in https://example.daily.co/${name}\n`);
    });
  });

  it.each([
    [
      'a function',
      "export default async function bot(args, session) { session.ready(); args.websocket.send('from a function ' + session.id + (args.cli_args.ws_auth === 'none' ? '' : ' without flags')); await new Promise((r) => session.signal.addEventListener('abort', r)); }",
    ],
    [
      'a class',
      "export default class { async launch(args, session) { args.websocket.send('from a class ' + session.id); await new Promise((r) => session.signal.addEventListener('abort', r)); } }",
    ],
  ])('runs a bot that is %s', async (what, source) => {
    await writeFile(join(dir, 'bot.mjs'), source);
    const { url } = await start('--bot', './bot.mjs');
    const { json, sessionId } = await post(`${url}/start`, { transport: 'websocket' });
    const { WebSocket } = await import('ws');
    const client = new WebSocket(json.wsUrl as string);
    await expect(nextText(client)).resolves.toBe(`from ${what} ${sessionId}`);
    client.close();
  });

  it.each([
    [['--transport', 'pigeon'], /pigeon.*websocket/s],
    [['--port', '70000'], /65535/],
    [['--ws-auth', 'maybe'], /none.*token/s],
    [['--drain-timeout', 'long'], /seconds from 0 to 86400/],
    [['--nonsense'], /--nonsense/],
    [['--runner-body', './missing.json'], /must be a JSON or YAML file: .*missing\.json/],
    [['--direct', '-t', 'twilio'], /--direct works with Daily only/],
    [['--direct'], /set DAILY_API_KEY/],
    [['--bot', './missing.mjs'], /missing\.mjs cannot be loaded/],
    [['--bot', './missing.py'], /python must be a file; there is no \.\/missing\.py/],
    [['--isolate'], /--isolate needs a --bot/],
    [['--allowed-origins', 'example.com'], /allowedOrigins.*https:\/\/app\.example\.com/s],
  ])('refuses %j with the accepted values', async (flags, message) => {
    const failure = await promisify(execFile)(process.execPath, [main, ...flags], {
      cwd: dir,
    }).then(
      () => undefined,
      (error: { code: number; stderr: string; stdout: string }) => error,
    );
    expect(failure?.code).toBe(1);
    expect(failure!.stderr + failure!.stdout).toMatch(message);
  });
});
