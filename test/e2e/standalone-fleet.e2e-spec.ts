import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { bannerOf } from '../support/banner.js';
import { FLEET_SECRET } from '../support/fleet-node.js';
import { freePort } from '../support/free-port.js';
import { describeWith } from '../support/needs.js';
import { RedisServer } from '../support/redis-server.js';
import { connect, nextText, post } from '../support/runner-app.js';

const MAIN = join(process.cwd(), 'dist', 'main.js');
/** Tells its client what it was given, and stays. */
const BOT = `export default async ({ websocket, cli_args, body }, { signal }) => {
  const secrets = Object.keys(process.env).filter((name) => /^PIPECAT_FLEET/.test(name));
  websocket.send(JSON.stringify({ cli_args, body, secrets }));
  await new Promise((end) => signal.addEventListener('abort', end));
};`;

describeWith('redis-server')('standalone runners of a fleet', () => {
  let dir: string;
  let redis: RedisServer;
  const children: ChildProcess[] = [];

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'runner-fleet-'));
    await writeFile(join(dir, 'bot.mjs'), BOT);
    redis = await RedisServer.start('--requirepass', 'hidden');
  });
  afterEach(async () => {
    await Promise.all(
      children.splice(0).map(async (child) => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        child.kill('SIGKILL');
        await once(child, 'exit');
      }),
    );
    await redis.stop();
    await rm(dir, { recursive: true });
  });

  const spawnAt = (port: number, flags: string[], env: Record<string, string> = {}) => {
    const own = ['--host', '127.0.0.1', '--port', String(port), '--bot', './bot.mjs'];
    const child = spawn(process.execPath, [MAIN, ...own, ...flags], {
      cwd: dir,
      env: { PATH: process.env.PATH, PIPECAT_FLEET_SECRET: FLEET_SECRET, ...env },
    });
    children.push(child);
    return child;
  };

  const start = async (flags: string[], env: Record<string, string> = {}) => {
    const port = await freePort();
    const banner = await bannerOf(spawnAt(port, flags, env));
    return { url: `http://127.0.0.1:${port}`, port, banner };
  };

  const redisUrl = () => redis.url.replace('//', '//:hidden@');

  it('serve as one, by flags or the environment', async () => {
    const limits = ['--max-sessions', '3', '--fleet-max-sessions', '2', '--isolate'];
    const a = await start(['--fleet', redisUrl(), '--fleet-namespace', 'voice', ...limits]);
    const b = await start(['--ws-auth', 'token'], {
      PIPECAT_FLEET: redisUrl(),
      PIPECAT_FLEET_NAMESPACE: 'voice',
      PIPECAT_FLEET_MAX_SESSIONS: '2',
    });
    expect(a.banner).toContain(
      `voice at redis://127.0.0.1:${redis.port}; this node is ${a.url} and has up to 3 sessions`,
    );
    expect(b.banner).toContain('has up to 100 sessions (--max-sessions)');

    const announce = async () => {
      const { status, json } = await post(`${b.url}/start`, { transport: 'websocket', body: 7 });
      return { status, token: String(json.token) };
    };
    const { token } = await announce();
    const socket = await connect(`ws://127.0.0.1:${a.port}/ws-client?token=${token}`);
    const told = JSON.parse(await nextText(socket)) as object;
    expect(told).toMatchObject({
      body: 7,
      secrets: [],
      cli_args: { fleet: `redis://127.0.0.1:${redis.port}`, max_sessions: 3 },
    });
    expect([(await announce()).status, (await announce()).status]).toEqual([200, 429]);
    socket.close();
  });

  it('have roles, and what a scaler and rooms need, by flags or the environment', async () => {
    const rooms = { DAILY_API_KEY: 'a key', PIPECAT_FLEET_DISPATCH_TIMEOUT: '2' };
    const flags = ['--fleet', redisUrl(), '--ws-auth', 'token'];
    const api = await start([...flags, '--fleet-roles', 'none', '--fleet-buffer', '5'], rooms);
    const other = await start([...flags, '--fleet-on-node-loss', 'restart'], {
      ...rooms,
      PIPECAT_FLEET_ROLES: 'sockets',
    });
    expect(await (await fetch(`${api.url}/fleet`)).json()).toMatchObject({ scaleOn: 5 });
    expect(await (await fetch(`${other.url}/fleet`)).json()).toMatchObject({ scaleOn: 0 });
    const room = await post(`${other.url}/start`, { transport: 'daily' });
    expect(room).toMatchObject({
      status: 429,
      json: { message: expect.stringContaining('No node of the fleet') },
    });

    const { json } = await post(`${api.url}/start`, { transport: 'websocket' });
    const socket = await connect(
      `ws://127.0.0.1:${api.port}/ws-client?token=${String(json.token)}`,
    );
    expect(JSON.parse(await nextText(socket))).toMatchObject({
      cli_args: {
        fleet_roles: ['sockets'],
        fleet_on_node_loss: 'restart',
        fleet_dispatch_timeout: 2,
      },
    });
    socket.close();
  });

  it.each([
    [['--ws-auth', 'token'], 200],
    [['--ws-auth', 'token', '--fleet-when-redis-is-down', 'refuse'], 503],
  ])('open without Redis what %j says', async (flags, status) => {
    const { url } = await start(['--fleet', `redis://127.0.0.1:${await freePort()}`, ...flags]);
    expect((await post(`${url}/start`, { transport: 'websocket' })).status).toBe(status);
  });

  it('hide the secret from bots, also where all comes from the environment', async () => {
    const env = { PIPECAT_FLEET: redisUrl(), PIPECAT_FLEET_URL: 'http://127.0.0.1:1' };
    const { url, port, banner } = await start(['--isolate'], env);
    expect(banner).toContain('this node is http://127.0.0.1:1 ');
    const { json } = await post(`${url}/start`, { transport: 'websocket' });
    const { search } = new URL(String(json.wsUrl));
    const socket = await connect(`ws://127.0.0.1:${port}/ws-client${search}`);
    const told = JSON.parse(await nextText(socket)) as object;
    expect(told).toMatchObject({ secrets: ['PIPECAT_FLEET_URL'] });
    socket.close();
  });

  it('say what to install without ioredis', async () => {
    const without = join(process.cwd(), 'test/support/without-ioredis.js');
    const flags = ['--port', String(await freePort()), '--fleet', redisUrl()];
    const failure = promisify(execFile)(process.execPath, [without, ...flags], {
      cwd: dir,
      env: { PATH: process.env.PATH, PIPECAT_FLEET_SECRET: FLEET_SECRET },
    });
    const stderr = expect.stringContaining('npm install ioredis');
    await expect(failure).rejects.toMatchObject({ code: 1, stderr });
  });

  it.each([
    ['another runner has its port', {}],
    ['another runner has its port, and it has rooms', { DAILY_API_KEY: 'a key' }],
  ])('end, and leave the fleet, when %s', async (_, env) => {
    const { url, port } = await start(['--fleet', redisUrl()]);
    const second = spawnAt(port, ['--fleet', redisUrl()], env);
    const told = bannerOf(second).catch(String);
    const signal = AbortSignal.timeout(15_000);
    expect(await once(second, 'exit', { signal })).toEqual([1, null]);
    expect(await told).toMatch(/FATAL.*EADDRINUSE/);
    const { nodes } = (await (await fetch(`${url}/fleet`)).json()) as { nodes: object[] };
    expect(nodes).toHaveLength(1);
  });

  it('do not start with another secret than the fleet', async () => {
    await start(['--fleet', redisUrl()]);
    const both = JSON.stringify([FLEET_SECRET, 'a new secret of the fleet, and long enough']);
    await start(['--fleet', redisUrl()], { PIPECAT_FLEET_SECRET: both });
    const other = { PIPECAT_FLEET_SECRET: 'the secret of another fleet, and long enough' };
    await expect(start(['--fleet', redisUrl()], other)).rejects.toThrow(/with another secret/);
  });
});
