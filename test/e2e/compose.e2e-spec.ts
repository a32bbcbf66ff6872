import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { redisFleet } from '../../src/fleet.js';
import { RunnerModule, WebSocketModule, type WebSocketRunnerArguments } from '../../src/index.js';
import { RecordingLauncher } from '../../src/testing/index.js';
import { FLEET_SECRET } from '../support/fleet-node.js';
import { freePort } from '../support/free-port.js';
import { describeWith } from '../support/needs.js';
import { RedisServer } from '../support/redis-server.js';
import { closeApps, connect, nextText, post, startApp } from '../support/runner-app.js';
import { TOOLS } from '../support/tools.js';
import { until } from '../support/until.js';

interface Service {
  readonly command: readonly string[];
  readonly environment: Record<string, string>;
  readonly ports: readonly string[];
  readonly stop_grace_period: string;
  readonly build: { readonly target: string };
}

const CONFIG = 'deploy/haproxy.cfg';
const { services } = parse(readFileSync('deploy/compose.yaml', 'utf8'), { merge: true }) as {
  services: Record<string, Service>;
};
const runners = Object.entries(services).filter(([name]) => name.startsWith('runner-'));

describe('compose.yaml', () => {
  it('has the runners that the balancer asks', () => {
    const named = [...readFileSync(CONFIG, 'utf8').matchAll(/^ +server .*"\$\{(\w+)\}"$/gm)];
    const addresses = named.map(([, variable]) => services.balancer!.environment[variable!]);
    expect(addresses).toEqual(runners.map(([name]) => `${name}:7860`));
  });

  it('gives each runner ports of its own, and opens them', () => {
    const ranges = runners.map(([, { environment }]) => environment.PIPECAT_WEBRTC_PORTS);
    expect(new Set(ranges).size).toBe(3);
    expect(runners.map(([, { ports }]) => ports)).toEqual(
      ranges.map((range) => [`${range}:${range}/udp`]),
    );
  });

  it('stops a runner after its drain', () => {
    for (const [, { command, stop_grace_period }] of runners) {
      const drain = Number(command[command.indexOf('--drain-timeout') + 1]);
      expect(parseInt(stop_grace_period, 10)).toBeGreaterThanOrEqual(drain + 30);
    }
  });

  it('passes on every variable of a fleet', () => {
    const help = execFileSync(process.execPath, ['dist/main.js', '--help'], { encoding: 'utf8' });
    const words = help.replace(/\s+/g, ' ');
    const known = [...words.matchAll(/env: (PIPECAT_(?:FLEET|MAX_SESSIONS|PUBLIC)\w*)\)/g)];
    expect(known.length).toBeGreaterThan(8);
    for (const [, { environment }] of runners) {
      // The runner's own address is that of its container.
      const left = known.map(([, name]) => name!).filter((name) => !(name in environment));
      expect(left).toEqual(['PIPECAT_FLEET_URL']);
    }
  });

  it('has flags and variables that the standalone runner takes, and a target of the Dockerfile', () => {
    const help = execFileSync(process.execPath, ['dist/main.js', '--help'], { encoding: 'utf8' });
    const words = help.replace(/\s+/g, ' ');
    for (const [, { command, environment, build }] of runners) {
      const flags = command.filter((one) => one.startsWith('--'));
      expect(flags.filter((flag) => !words.includes(` ${flag} `))).toEqual([]);
      const variables = Object.keys(environment).filter((name) => !/_(SECRET|KEYS)$/.test(name));
      expect(variables.filter((name) => !words.includes(`env: ${name})`))).toEqual([]);
      expect(environment.PIPECAT_FLEET_SECRET).toMatch(/:\?/);
      const target = /:-(\w+)\}$/.exec(build.target)![1];
      expect(readFileSync('deploy/Dockerfile', 'utf8')).toMatch(new RegExp(` AS ${target}$`, 'm'));
    }
  });
});

/** A folder with an application in place of the image's. */
const APP = mkdtempSync(join(tmpdir(), 'compose-app-'));
afterAll(() => rmSync(APP, { recursive: true }));

it('an application of the target app starts with the command that compose.yaml gives', () => {
  mkdirSync(join(APP, 'dist'));
  writeFileSync(join(APP, 'dist/main.js'), "console.log('started')");
  const dockerfile = readFileSync('deploy/Dockerfile', 'utf8');
  const [, entry = ''] = / AS app\nENTRYPOINT (\[.*\])/.exec(dockerfile) ?? [];
  const [tini, , , ...args] = JSON.parse(entry) as string[];
  expect(tini).toBe('tini');
  for (const [, { command }] of runners) {
    const line = [...args, ...command];
    expect(execFileSync(process.execPath, line, { cwd: APP, encoding: 'utf8' })).toBe('started\n');
  }
});

describeWith('haproxy', 'redis-server')('the balancer of compose.yaml', () => {
  let redis: RedisServer;
  let balancer: ChildProcess | undefined;
  beforeEach(async () => {
    redis = await RedisServer.start();
  });
  afterEach(async () => {
    if (balancer?.exitCode === null) {
      balancer.kill('SIGKILL');
      await once(balancer, 'exit');
    }
    await closeApps();
    await redis.stop();
  });

  const startRunner = async () => {
    const launcher = new RecordingLauncher(async (args, session) => {
      session.ready();
      (args as WebSocketRunnerArguments).websocket.send(JSON.stringify(args.body));
      await once(session.signal, 'abort');
    });
    const options = { redis: redis.url, secret: FLEET_SECRET, advertiseUrl: 'http://127.0.0.1:1' };
    const app = await startApp('fastify', [
      RunnerModule.forRoot({
        launcher: { useValue: launcher },
        transports: [WebSocketModule.forRoot()],
        webSocketAuth: 'token',
        maxSessions: 50,
        fleet: { useFactory: () => redisFleet(options) },
      }),
    ]);
    return { ...app, launcher };
  };

  it('spreads calls over the runners, and leaves out one that is gone', async () => {
    const [a, b, c] = [await startRunner(), await startRunner(), await startRunner()];
    const port = await freePort();
    const [RUNNER_1, RUNNER_2, RUNNER_3] = [a, b, c].map(({ url }) => new URL(url).host);
    balancer = spawn(TOOLS.haproxy.find()!, ['-f', CONFIG], {
      stdio: 'ignore',
      env: { ...process.env, BIND: `127.0.0.1:${port}`, RUNNER_1, RUNNER_2, RUNNER_3 },
    });
    const url = `http://127.0.0.1:${port}`;
    await until(async () => (await fetch(`${url}/readyz`).catch(() => undefined))?.ok === true);
    const call = async (body: number) => {
      const { status, json } = await post(`${url}/start`, { transport: 'websocket', body });
      expect(status).toBe(200);
      expect(json.wsUrl).toBe(`ws://127.0.0.1:${port}/ws-client`);
      const socket = await connect(`${String(json.wsUrl)}?token=${String(json.token)}`);
      expect(await nextText(socket)).toBe(String(body));
      socket.close();
      await once(socket, 'close');
    };
    const launched = () => [a, b, c].flatMap(({ launcher }) => launcher.launches);
    for (let n = 0; n < 20; n++) await call(n);
    const served = [a, b, c].map(({ launcher }) => launcher.launches.length);
    expect(Math.min(...served)).toBeGreaterThan(0);
    await a.app.close();
    for (let n = 20; n < 30; n++) await call(n);
    const bodies = launched().map(({ args }) => Number(args.body));
    expect(bodies.sort((x, y) => x - y)).toEqual(Array.from({ length: 30 }, (_, n) => n));
  });
});

describeWith('haproxy')('the balancer of compose.yaml', () => {
  it('finds a container that was made anew with another address', async () => {
    const text = readFileSync(CONFIG, 'utf8');
    expect(text).toContain('parse-resolv-conf');
    const [first, second] = ['127.0.0.2', '127.0.0.3'] as const;
    const runner = createServer(({ socket }, response) => response.end(socket.localAddress));
    const names = createSocket('udp4');
    let address: string = first;
    names.on('message', (question, { port }) => names.send(answerOf(question, address), port));
    runner.listen(0, '0.0.0.0');
    names.bind(0, '127.0.0.1');
    await Promise.all([once(runner, 'listening'), once(names, 'listening')]);

    const config = join(APP, 'haproxy.cfg');
    const server = `nameserver docker 127.0.0.1:${names.address().port}`;
    writeFileSync(config, text.replace('parse-resolv-conf', server));
    const port = await freePort();
    const RUNNER_1 = `runner-1:${(runner.address() as AddressInfo).port}`;
    const others = { RUNNER_2: '127.0.0.1:1', RUNNER_3: '127.0.0.1:1' };
    const balancer = spawn(TOOLS.haproxy.find()!, ['-f', config], {
      stdio: 'ignore',
      env: { ...process.env, BIND: `127.0.0.1:${port}`, RUNNER_1, ...others },
    });
    const asked = async (): Promise<string> =>
      (await fetch(`http://127.0.0.1:${port}/`).catch(() => undefined))?.text() ?? '';
    try {
      await until(async () => (await asked()) === first, 10_000);
      address = second;
      await until(async () => (await asked()) === second, 10_000);
    } finally {
      balancer.kill('SIGKILL');
      await once(balancer, 'exit');
      names.close();
      runner.close();
      runner.closeAllConnections();
    }
  });
});

/** Answers a question for the IPv4 address of a name with one, and any other with nothing. */
function answerOf(question: Buffer, address: string): Buffer {
  const end = question.indexOf(0, 12) + 5;
  const isIPv4 = question.readUInt16BE(end - 4) === 1;
  const header = Buffer.from(question.subarray(0, 12));
  // A response, one question, and as many answers as there are.
  [0x8180, 1, isIPv4 ? 1 : 0, 0, 0].forEach((word, at) => header.writeUInt16BE(word, 2 + 2 * at));
  // The name of the question, type A, class IN, ten minutes, four bytes.
  const record = [0xc0, 12, 0, 1, 0, 1, 0, 0, 2, 88, 0, 4, ...address.split('.').map(Number)];
  const answer = Buffer.from(isIPv4 ? record : []);
  return Buffer.concat([header, question.subarray(12, end), answer]);
}
