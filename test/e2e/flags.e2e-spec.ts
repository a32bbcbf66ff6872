import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { WebSocket } from 'ws';
import { bannerOf } from '../support/banner.js';
import { FakeDaily } from '../support/fake-daily.js';
import { freePort } from '../support/free-port.js';
import { nextText, post } from '../support/runner-app.js';
import { describeWith } from '../support/needs.js';
import { WebRtcClient } from '../support/webrtc-client.js';

const { PIPECAT_PYTHON = '' } = process.env;
const MAIN = join(process.cwd(), 'dist', 'main.js');
const TELLING_BOT = join(process.cwd(), 'test/support/bots/telling_bot.py');
/** Tells its client what it was given. */
const BOT =
  'export default async ({ websocket, cli_args, body }) => websocket.send(JSON.stringify({ cli_args, body, pid: process.pid }));';
/** Stays until it is ended. */
const WAITING_BOT =
  "export default (args, { signal }) => new Promise((end) => signal.addEventListener('abort', end));";
const TURN = { urls: 'turn:b', username: 'u', credential: 'c' };
const SECRET = { PIPECAT_FLEET_SECRET: 'a secret of the fleet, long enough for it' };
const WHATSAPP = {
  WHATSAPP_TOKEN: 't',
  WHATSAPP_PHONE_NUMBER_ID: '1',
  WHATSAPP_APP_SECRET: 's',
  WHATSAPP_WEBHOOK_VERIFICATION_TOKEN: 'v',
};

let dir: string;
let running: ChildProcess | undefined;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'runner-flags-'));
  writeFileSync(join(dir, 'bot.mjs'), BOT);
  writeFileSync(join(dir, 'waiting.mjs'), WAITING_BOT);
  writeFileSync(join(dir, 'body.json'), '{"image":"cat.png"}');
  writeFileSync(join(dir, 'bad.yaml'), 'list: [1,');
  writeFileSync(
    join(dir, 'body.yaml'),
    'image: cat.png\nloud: yes\nlist:\n  - 1\n  - on: 2026-01-31\n',
  );
});
afterAll(() => rmSync(dir, { recursive: true }));
afterEach(async () => {
  if (running?.exitCode === null && running.signalCode === null) {
    running.kill('SIGKILL');
    await once(running, 'exit');
  }
});

interface Runner {
  readonly url: string;
  readonly banner: string;
}

const environment = (env: Record<string, string>) => ({ PATH: process.env.PATH, ...env });

/** Starts the runner in a folder of its own, with nothing else in its environment. */
async function start(flags: string[], env: Record<string, string> = {}): Promise<Runner> {
  const own = ['--host', '--port', '--bot'].flatMap((name, i) =>
    flags.includes(name) ? [] : [name, ['127.0.0.1', '0', './bot.mjs'][i]!],
  );
  const child = (running = spawn(process.execPath, [MAIN, ...own, ...flags], {
    cwd: dir,
    env: environment(env),
  }));
  const banner = await bannerOf(child);
  return { url: /http:\/\/\S+/.exec(banner)![0], banner };
}

interface Told {
  readonly cli_args: Record<string, unknown>;
  readonly body: unknown;
}

/** Returns what the bot of a plain client tells. */
async function told({ url }: Runner, headers = {}): Promise<Told & Record<string, unknown>> {
  const { json } = await post(`${url}/start`, { transport: 'websocket' }, headers);
  const { wsUrl, token } = json as { wsUrl: string; token?: string };
  // By the address where it listens, whatever its public one is.
  const { search } = new URL(wsUrl);
  const path = `/ws-client${token ? `/${token}` : ''}${search}`;
  const socket = new WebSocket(url.replace('http', 'ws') + path, { headers });
  const text = await nextText(socket);
  socket.close();
  return JSON.parse(text) as Told & Record<string, unknown>;
}

const get = async ({ url }: Runner, path: string): Promise<[number, string]> => {
  const response = await fetch(url + path);
  return [response.status, await response.text()];
};

describe('a flag or variable of the standalone runner', () => {
  it('has the default of Pipecat’s own runner in cli_args', async () => {
    const runner = await start([]);
    expect((await told(runner)).cli_args).toEqual({
      ...{
        host: '127.0.0.1',
        port: Number(new URL(runner.url).port),
        transport: null,
        proxy: null,
      },
      ...{ direct: false, downloads_folder: null, uploads_folder: null },
      ...{
        uploads_folder_max_files: 10,
        runner_body: null,
        verbose: 0,
        dialin: true,
        esp32: false,
      },
      ...{ whatsapp: false, ws_auth: 'none', ice_servers: [], allowed_origins: [] },
      ...{ webrtc_ports: null, webrtc_addresses: [], max_sessions: null, fleet: null },
      ...{ fleet_url: null, fleet_namespace: 'pipecat', fleet_max_sessions: null, fleet_lease: 10 },
      ...{ fleet_roles: ['sockets', 'rooms'], fleet_buffer: 0, fleet_on_node_loss: 'fail' },
      ...{ fleet_dispatch_timeout: 10, fleet_when_redis_is_down: 'local' },
      ...{ moq_connect: null, moq_bind: '[::]:4080', moq_serve: true, moq_namespace: 'pipecat' },
      ...{ moq_bot_id: 'response', moq_client_id: 'request', moq_tls_cert: null },
      ...{ moq_tls_key: null, moq_tls_insecure: false, moq_tls_generate: 'localhost' },
      ...{ moq_host: 'localhost', moq_port: 4080, moq_path: '/moq', moq_tls_host: 'localhost' },
      ...{ bot: './bot.mjs', bot_args: [], isolate: false, drain_timeout: 20 },
      ...{ recycle_after_sessions: null, recycle_memory: null },
    });
  });

  it('has the flags of Media over QUIC in cli_args as Pipecat’s own runner resolves them', async () => {
    const relay = ['--moq-connect', 'https://relay.example.com/anon', '--moq-bot-id', 'bot'];
    expect((await told(await start(relay))).cli_args).toMatchObject({
      ...{ moq_connect: 'https://relay.example.com/anon', moq_bind: null, moq_serve: false },
      ...{ moq_namespace: null, moq_bot_id: 'bot', moq_tls_generate: null },
      ...{ moq_host: 'relay.example.com', moq_port: 443, moq_path: '/anon' },
    });
    running!.kill('SIGKILL');
    const served = ['--moq-serve', '--moq-bind', '0.0.0.0:4081', '--moq-tls-generate', 'a.test'];
    expect((await told(await start([...relay, ...served]))).cli_args).toMatchObject({
      ...{ moq_bind: '0.0.0.0:4081', moq_serve: true, moq_namespace: 'pipecat' },
      ...{ moq_tls_generate: 'a.test', moq_host: 'a.test', moq_port: 4081, moq_path: '/moq' },
    });
  });

  it('says why there is no Media over QUIC', async () => {
    const runner = await start(['-t', 'moq']);
    const response = await fetch(`${runner.url}/start`, { method: 'POST' });
    expect(response.status).toBe(400);
    expect(await response.text()).toContain('it needs a Python bot');
  });

  const origins = ['https://a.example', 'https://b.example'];
  const servers = [{ urls: 'stun:a' }, TURN];
  const ice = (...list: object[]) => ({ ice_servers: list });
  it.each<[string[], Record<string, string>, object]>([
    [
      [
        ...['--host', '127.0.0.2', '--transport', 'websocket', '--proxy', 'https://bot.example/'],
        ...['--downloads-folder', 'files', '--uploads-folder-max-files', '3', '--runner-body'],
        ...['body.yaml', '--no-dialin', '--ws-auth', 'token', '--ice-servers', 'stun:a'],
        ...[JSON.stringify(TURN), '--esp32', '--drain-timeout', '0.5', '--verbose', '-v'],
        ...['--isolate', '--', '--language', 'de', '--', '-x'],
      ],
      {},
      {
        ...{ host: '127.0.0.2', transport: 'websocket', proxy: 'bot.example' },
        ...{ downloads_folder: 'files', uploads_folder_max_files: 3, runner_body: 'body.yaml' },
        ...{ dialin: false, ws_auth: 'token', ice_servers: servers, esp32: true, verbose: 2 },
        ...{ drain_timeout: 0.5, isolate: true, bot_args: ['--language', 'de', '--', '-x'] },
      },
    ],
    [
      [
        '-t',
        'eval',
        '-x',
        'b.example',
        '-f',
        'files',
        '-v',
        '--dialin',
        '--ice-servers',
        '--',
        '-a',
      ],
      { PIPECAT_ICE_SERVERS: 'stun:a' },
      {
        ...{ transport: null, proxy: 'b.example', downloads_folder: 'files', verbose: 1 },
        ...{ dialin: true, ice_servers: [], bot_args: ['-a'] },
      },
    ],
    [
      ['--folder', 'files', '--whatsapp'],
      {
        ...WHATSAPP,
        PIPECAT_WEBSOCKET_AUTH: 'token',
        PIPECAT_ICE_SERVERS: JSON.stringify(['stun:a', TURN]),
      },
      { downloads_folder: 'files', whatsapp: true, ws_auth: 'token', ice_servers: servers },
    ],
    [
      [],
      { PIPECAT_WEBSOCKET_AUTH: '', PIPECAT_ICE_SERVERS: '', PIPECAT_UPLOADS_FOLDER: '' },
      { ws_auth: 'none', ice_servers: [], uploads_folder: null },
    ],
    [
      ['--ws-auth', 'none'],
      { PIPECAT_WEBSOCKET_AUTH: 'token', PIPECAT_ICE_SERVERS: 'stun:a, stun:b,' },
      { ws_auth: 'none', ...ice({ urls: 'stun:a' }, { urls: 'stun:b' }) },
    ],
    [[], { PIPECAT_ICE_SERVERS: JSON.stringify(servers) }, ice(...servers)],
    [[], { PIPECAT_PUBLIC_URL: 'https://bot.example/' }, { proxy: 'bot.example' }],
    [[], { PIPECAT_ICE_SERVERS: JSON.stringify(TURN) }, ice(TURN)],
    [
      ['--ice-servers', '{"urls":"stun:b","username":null,"credential":null}'],
      { PIPECAT_ICE_SERVERS: '[]' },
      ice({ urls: 'stun:b' }),
    ],
  ])('is in cli_args: %j %j', async (flags, env, expected) => {
    expect((await told(await start(flags, env))).cli_args).toMatchObject(expected);
  });

  it.each<[string[], Record<string, string>, string[]]>([
    [['--allowed-origins', ...origins], {}, origins],
    [[], { PIPECAT_ALLOWED_ORIGINS: origins.join(', ') }, origins],
    [['--allowed-origins'], { PIPECAT_ALLOWED_ORIGINS: origins[0]! }, []],
    [[], { PIPECAT_ALLOWED_ORIGINS: '' }, []],
  ])('restricts origins: %j %j', async (flags, env, allowed) => {
    const runner = await start(flags, env);
    const { cli_args } = await told(runner, { origin: origins[0] });
    expect(cli_args.allowed_origins).toEqual(allowed);
    expect(runner.banner).toMatch(
      new RegExp(`Allowed origins +${allowed.length > 0 ? allowed.join(', ') : 'all'}\n`),
    );
    const stranger = new WebSocket(`${runner.url.replace('http', 'ws')}/ws-client`, {
      headers: { origin: 'https://c.example' },
    });
    const [code] = (await once(stranger, 'close')) as [number];
    expect(code).toBe(allowed.length > 0 ? 4003 : 1000);
  });

  it.each([
    [['--ws-auth', 'token'], {}],
    [[], { PIPECAT_WEBSOCKET_AUTH: 'token' }],
  ])('requires tokens: %j %j', async (flags, env: Record<string, string>) => {
    const runner = await start(flags, env);
    expect(runner.banner).toMatch(/WebSocket auth +token/);
    const socket = new WebSocket(`${runner.url.replace('http', 'ws')}/ws-client`);
    expect((await once(socket, 'close'))[0]).toBe(4003);
  });

  it.each([
    [['--ice-servers', 'stun:a'], {}, 'stun:a'],
    [[], { PIPECAT_ICE_SERVERS: '["stun:b"]' }, 'stun:b'],
  ])('gives ICE servers to clients: %j %j', async (flags, env: Record<string, string>, urls) => {
    const runner = await start(flags, env);
    const { json } = await post(`${runner.url}/start`, { transport: 'webrtc' });
    const { iceServers } = json.iceConfig as { iceServers: { urls: string | string[] }[] };
    expect(iceServers.flatMap((server) => server.urls)).toEqual([urls]);
  });

  it.each([['-f'], ['--folder'], ['--downloads-folder']])(
    'serves a folder that is made later: %s',
    async (flag) => {
      const folder = `made-later${flag}`;
      const runner = await start([flag, folder]);
      expect((await get(runner, '/files/note.txt'))[0]).toBe(404);
      mkdirSync(join(dir, folder));
      writeFileSync(join(dir, folder, 'note.txt'), 'a note');
      expect(await get(runner, '/files/note.txt')).toEqual([200, 'a note']);
    },
  );

  it.each([
    ['body.json', { image: 'cat.png' }],
    [
      'body.yaml',
      { image: 'cat.png', loud: true, list: [1, { true: '2026-01-31T00:00:00.000Z' }] },
    ],
  ])('is the body of WebSocket bots: --runner-body %s', async (file, body) => {
    expect((await told(await start(['--runner-body', file]))).body).toEqual(body);
  });

  it.each<[string[], Record<string, string>, number]>([
    [['-u', 'uploads-u', '--uploads-folder-max-files', '2'], {}, 2],
    [['--uploads-folder', 'uploads-l', '--uploads-folder-max-files', '0'], {}, 12],
    [[], { PIPECAT_UPLOADS_FOLDER: 'uploads-e' }, 10],
  ])('takes uploads: %j %j', async (flags, env, kept) => {
    const runner = await start(flags, env);
    const folder = flags[1] ?? env.PIPECAT_UPLOADS_FOLDER!;
    for (let i = 0; i < 12; i++) {
      const body = new FormData();
      body.append('file', new Blob([`file ${i}`]), 'a.txt');
      const response = await fetch(`${runner.url}/files`, { method: 'POST', body });
      expect(await response.json()).toMatchObject({
        source: { url: expect.stringMatching(/^pipecat:/) },
      });
    }
    const names = readdirSync(join(dir, folder)).filter((name) => /^[0-9a-f]{32}$/.test(name));
    expect(names).toHaveLength(kept);
    expect((await told(runner)).cli_args).toMatchObject({ uploads_folder: folder });
  });

  it('takes no uploads without a folder', async () => {
    const { url } = await start([], { PIPECAT_UPLOADS_FOLDER: '' });
    const body = new FormData();
    body.append('file', new Blob(['x']), 'a.txt');
    expect((await fetch(`${url}/files`, { method: 'POST', body })).status).toBe(503);
  });

  it('says where to listen, and where clients are sent', async () => {
    const port = await freePort();
    const runner = await start(['--port', String(port), '-x', 'bot.example.com']);
    expect(new URL(runner.url).port).toBe(String(port));
    const { json } = await post(`${runner.url}/start`, { transport: 'websocket' });
    expect(json.wsUrl).toMatch(/^wss:\/\/bot\.example\.com\/ws-client/);
    expect((await told(runner)).cli_args).toMatchObject({ port });
  });

  it.each([
    [['--max-sessions', '1'], {}],
    [[], { PIPECAT_MAX_SESSIONS: '1' }],
  ])('limits sessions: %j %j', async (flags, env: Record<string, string>) => {
    const { url } = await start(flags, env);
    const statuses = [1, 2].map(() => post(`${url}/start`, { transport: 'websocket' }));
    expect((await Promise.all(statuses)).map(({ status }) => status).sort()).toEqual([200, 429]);
  });

  it.each([
    [['--recycle-after-sessions', '1'], {}],
    [[], { PIPECAT_RECYCLE_AFTER_SESSIONS: '1' }],
  ])('ends it after a conversation: %j %j', async (flags, env: Record<string, string>) => {
    const runner = await start(flags, env);
    const ended = once(running!, 'exit');
    await told(runner);
    await ended;
  });

  it.each([
    [['--recycle-memory', '1'], {}],
    [[], { PIPECAT_RECYCLE_MEMORY: '1' }],
  ])('ends it when it has too much memory: %j %j', async (flags, env: Record<string, string>) => {
    await start(flags, env);
    await once(running!, 'exit');
  });

  it('says where WebRTC is reached', async () => {
    const ports = ['--webrtc-ports', '41000-41009', '--webrtc-addresses', '192.0.2.7'];
    const runner = await start([...ports, '--bot', './waiting.mjs']);
    const offerUrl = `${runner.url}/api/offer`;
    const client = await WebRtcClient.offer({ offerUrl, textOnly: true });
    const { sdp } = client.pc.remoteDescription!;
    await client.vanish();
    await client.pc.close();
    const hosts = [...sdp.matchAll(/^a=candidate:\S+ 1 udp \d+ (\S+) (\d+) typ host/gm)];
    expect(hosts.map(([, address]) => address)).toContain('192.0.2.7');
    const used = hosts.map(([, , port]) => Number(port));
    expect(used.filter((port) => port < 41_000 || port > 41_009)).toEqual([]);
  });

  it.each([
    [['-t', 'plivo'], ['plivo']],
    [['-t', 'vonage'], ['vonage']],
    [['-t', 'eval'], expect.arrayContaining(['webrtc', 'websocket', 'twilio'])],
  ])('restricts the transports: %j', async (flags, transports) => {
    const [, status] = await get(await start(flags), '/status');
    expect(JSON.parse(status)).toMatchObject({ transports });
  });

  it('isolates bots, and hides its keys from them', async () => {
    const runner = await start(['--isolate'], {
      PIPECAT_PUBLIC_KEYS: 'pk_0123456789abcdef',
      PIPECAT_PRIVATE_KEYS: 'sk_0123456789abcdef',
    });
    expect((await post(`${runner.url}/start`, {})).status).toBe(401);
    const facts = await told(runner, { authorization: 'Bearer pk_0123456789abcdef' });
    expect(facts.pid).not.toBe(running!.pid);
    expect(JSON.stringify(facts)).not.toMatch(/[ps]k_0123/);
  });

  const telnyx = generateKeyPairSync('ed25519')
    .publicKey.export({ format: 'der', type: 'spki' })
    .subarray(-32)
    .toString('base64');
  it.each<[string, Record<string, string>]>([
    ['twilio', { TWILIO_AUTH_TOKEN: 'secret' }],
    ['telnyx', { TELNYX_PUBLIC_KEY: telnyx }],
    ['plivo', { PLIVO_AUTH_TOKEN: 'secret' }],
  ])('verifies webhooks of %s, unless it is empty: %j', async (carrier, env) => {
    const webhook = async ({ url }: Runner) => (await fetch(url, { method: 'POST' })).status;
    expect(await webhook(await start(['-t', carrier], env))).toBe(401);
    const empty = Object.fromEntries(Object.keys(env).map((name) => [name, '']));
    running!.kill('SIGKILL');
    expect(await webhook(await start(['-t', carrier], empty))).toBe(200);
  });

  it('configures LiveKit', async () => {
    const env = { LIVEKIT_URL: 'wss://lk.example', LIVEKIT_API_KEY: 'k', LIVEKIT_API_SECRET: 's' };
    const off = await start([], { ...env, LIVEKIT_API_SECRET: '' });
    expect(off.banner).toMatch(/Disabled +livekit: set LIVEKIT_API_SECRET/);
    running!.kill('SIGKILL');
    const { url } = await start([], { ...env, LIVEKIT_ROOM_NAME: 'lobby' });
    const { json } = await post(`${url}/start`, { transport: 'livekit' });
    const [, payload] = String(json.token).split('.');
    expect(json.url).toBe(env.LIVEKIT_URL);
    expect(JSON.parse(Buffer.from(payload!, 'base64url').toString())).toMatchObject({
      video: { room: 'lobby' },
    });
  });

  it('configures Daily', async () => {
    const daily = await FakeDaily.start();
    try {
      const env = { DAILY_API_KEY: daily.apiKey, DAILY_API_URL: daily.apiUrl };
      const off = await start([], { ...env, DAILY_API_KEY: '' });
      expect(off.banner).toMatch(/Disabled +daily: no API key/);
      running!.kill('SIGKILL');
      const room = 'https://example.daily.co/lobby';
      const { url } = await start([], { ...env, DAILY_ROOM_URL: room });
      const { json } = await post(`${url}/start`, { transport: 'daily' });
      expect(json.dailyRoom).toBe(room);
    } finally {
      await daily.close();
    }
  });

  it('configures WhatsApp', async () => {
    const runner = await start([], WHATSAPP);
    const query = 'hub.mode=subscribe&hub.challenge=42&hub.verify_token=v';
    expect(await get(runner, `/whatsapp?${query}`)).toEqual([200, '42']);
    running!.kill('SIGKILL');
    const empty = Object.fromEntries(Object.keys(WHATSAPP).map((name) => [name, '']));
    expect((await get(await start([], empty), '/whatsapp'))[0]).toBe(404);
  });

  it.each<[string[], Record<string, string>, RegExp]>([
    [['--moq-connect', 'relay'], {}, /--moq-connect must be a URL such as/],
    [['--moq-bind', '4080'], {}, /--moq-bind must be an address with a port/],
    [['--moq-tls-key', 'bot.mjs'], {}, /--moq-tls-key needs tlsCert/],
    [['-t', 'pigeon'], {}, /Allowed choices are webrtc, websocket/],
    [['-t', 'vonage'], { VONAGE_SESSION_ID: 'x' }, /VONAGE_APPLICATION_ID, VONAGE_TOKEN not set/],
    [[], { PIPECAT_ICE_SERVERS: '[{"url":"stun:a"}]' }, /ICE server .* has url; there are urls/],
    [['--ice-servers', '{"urls"'], {}, /ICE server {"urls" is no JSON/],
    [[], { PIPECAT_WEBSOCKET_AUTH: 'maybe' }, /PIPECAT_WEBSOCKET_AUTH.*none, token/s],
    [['--uploads-folder-max-files', '-1'], {}, /whole number of at least 0/],
    [['--runner-body', 'bad.yaml'], {}, /must be a JSON or YAML file/],
    [['-f', 'bot.mjs'], {}, /folder must be a folder/],
    [['--whatsapp'], {}, /WHATSAPP_TOKEN/],
    [['--esp32', '--host', 'localhost'], {}, /--esp32 needs --host/],
    [['--esp32', '--host', '0.0.0.0'], {}, /--esp32 needs --host/],
    [['--webrtc-ports', '40000'], {}, /two ports such as 40000-40199/],
    [['--max-sessions', '0'], {}, /whole number of at least 1/],
    [['--recycle-after-sessions', '0'], {}, /whole number of at least 1/],
    [['--recycle-memory', '1.5'], {}, /whole number of at least 1/],
    [['--fleet', 'localhost:6379'], SECRET, /--fleet must be a URL such as redis:/],
    [['--fleet', 'redis://localhost'], {}, /PIPECAT_FLEET_SECRET must have at least 32 characters/],
    [
      ['--fleet', 'redis://localhost'],
      { PIPECAT_FLEET_SECRET: 'too short' },
      /PIPECAT_FLEET_SECRET must have at least 32 characters/,
    ],
    [['--fleet', 'redis://localhost', '--fleet-url', 'pod-7'], SECRET, /--fleet-url must be a URL/],
    [
      ['--fleet', 'redis://localhost', '--fleet-url', 'http://pod-7:7860/voice'],
      SECRET,
      /--fleet-url must be the address alone, .* without the path '\/voice'/,
    ],
    [['--fleet', 'redis://localhost', '--port', '0'], SECRET, /--fleet needs a --port/],
    [
      ['--fleet', 'redis://localhost', '--fleet-lease', '0.4'],
      SECRET,
      /--fleet-lease .*number of seconds from 0.5 to/,
    ],
    [
      ['--fleet', 'redis://localhost', '--fleet-dispatch-timeout', '0.5'],
      SECRET,
      /--fleet-dispatch-timeout .*number of seconds from 1 to/,
    ],
    [['--fleet-roles', 'sockets,cinema'], {}, /It must be sockets,rooms, one of them, or none/],
    [
      ['--fleet-lease', '20', '--fleet-roles', 'rooms'],
      { PIPECAT_FLEET_BUFFER: '5' },
      /--fleet-lease, --fleet-roles cannot be had without --fleet,/,
    ],
    [['--fleet-buffer', '-1'], {}, /whole number of at least 0/],
    [[], { PIPECAT_FLEET_ON_NODE_LOSS: 'panic' }, /PIPECAT_FLEET_ON_NODE_LOSS.*fail, restart/s],
  ])('is refused with the reason: %j %j', async (flags, env, reason) => {
    const failure = promisify(execFile)(process.execPath, [MAIN, ...flags], {
      cwd: dir,
      env: environment(env),
      timeout: 30_000,
    });
    await expect(failure).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringMatching(reason),
    });
  });
});

/** Flags of the reference that this runner has not, each with the reason. */
const NOT_HERE: readonly (readonly [RegExp, string])[] = [];

describeWith('pipecat-ai[runner]')('beside Pipecat’s own runner', () => {
  const namesIn = (help: string) => new Set(help.match(/(?<![\w-])--?[a-z][a-z-]*/g));
  const ours = () => execFileSync(process.execPath, [MAIN, '--help'], { encoding: 'utf8' });
  const theirs = () =>
    execFileSync(
      PIPECAT_PYTHON,
      ['-c', 'from pipecat.runner.run import main; main()', '--help'],
      // One line for each flag, so that names are not wrapped.
      { encoding: 'utf8', env: { ...process.env, COLUMNS: '1000' } },
    ).replace(/^(?! {2}-).*$/gm, '');

  it('every flag is accepted, or listed with a reason', () => {
    // Deprecated there, hidden here.
    const accepted = namesIn(`${ours()} --folder`);
    const lacking = [...namesIn(theirs())].filter((name) => !accepted.has(name));
    const excused = (name: string) => NOT_HERE.some(([names]) => names.test(name));
    expect(lacking.filter((name) => !excused(name))).toEqual([]);
    expect(NOT_HERE.filter(([names]) => !lacking.some((name) => names.test(name)))).toEqual([]);
  });

  it('a bot.py finds cli_args of every name, its own flags, and the module’s helpers', async () => {
    const runner = await start(['--bot', TELLING_BOT, '-f', 'files', '--', '--language', 'de'], {
      PATH: `${dirname(PIPECAT_PYTHON)}:${process.env.PATH}`,
    });
    const facts = await told(runner);
    const port = Number(new URL(runner.url).port);
    expect(facts).toMatchObject({
      ...{ host: '127.0.0.1', port, downloads: 'files', ENV: 'local', name: '__main__' },
      ...{ body: {}, storage: null },
      cli_args: {
        ...{ host: '127.0.0.1', port, transport: null, downloads_folder: 'files', proxy: null },
        ...{ language: 'de', bot: 'mine', ws_auth: 'none', verbose: 0, ice_servers: [] },
      },
    });
    const script =
      'import argparse, json, pipecat.runner.run as run\n' +
      'def stop(self, *_): raise SystemExit(print(json.dumps([a.dest for a in self._actions])))\n' +
      'argparse.ArgumentParser.parse_args = stop\nrun.main()';
    const dests = execFileSync(PIPECAT_PYTHON, ['-c', script], { encoding: 'utf8' });
    const names = (JSON.parse(dests) as string[]).filter((name) => name !== 'help');
    expect(names.length).toBeGreaterThan(20);
    expect(names.filter((name) => !Object.hasOwn(facts.cli_args, name))).toEqual([]);
  });

  it('a bot.py keeps the ENV of the environment', async () => {
    const runner = await start(['--bot', TELLING_BOT], {
      PATH: `${dirname(PIPECAT_PYTHON)}:${process.env.PATH}`,
      ENV: 'production',
    });
    expect(await told(runner)).toMatchObject({ ENV: 'production', cli_args: { language: 'en' } });
  });
});
