import { once } from 'node:events';
import { mkdtemp, readdir, readlink, rm, writeFile } from 'node:fs/promises';
import type { Server } from 'node:http';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Registry } from 'prom-client';
import {
  DownloadsModule,
  MetricsModule,
  OpenApiModule,
  RunnerModule,
  WebSocketModule,
} from '../../src/index.js';
import { ServerConnections } from '../../src/http/server-connections.js';
import { connectClient, RecordingLauncher } from '../../src/testing/index.js';
import { closeApps, PLATFORMS, type RunningApp, startApp } from '../support/runner-app.js';
import { until } from '../support/until.js';

/** Fewer than the limit. */
const COUNT = 30;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pipelining-'));
  await writeFile(join(folder, 'recording.wav'), Buffer.alloc(16 * 1_048_576));
});
afterAll(() => rm(folder, { recursive: true }));
afterEach(closeApps);

/** Sends requests in one chunk, and reads no answer. */
async function pipeline(url: string, path: string, count = COUNT): Promise<Socket> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1').on('error', () => undefined);
  socket.pause().write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`.repeat(count));
  await once(socket, 'connect');
  return socket;
}

/** Number of descriptors of a file that this process has. */
async function openFiles(name: string): Promise<number> {
  const links = (await readdir('/proc/self/fd')).map((fd) =>
    readlink(`/proc/self/fd/${fd}`).catch(() => ''),
  );
  return (await Promise.all(links)).filter((path) => path.endsWith(`/${name}`)).length;
}

describe.each(PLATFORMS)('pipelined requests on %s', (platform) => {
  const launcher = new RecordingLauncher();
  const start = (): Promise<RunningApp> =>
    startApp(platform, [
      RunnerModule.forRoot({
        launcher: { useValue: launcher },
        transports: [WebSocketModule.forRoot()],
        features: [
          DownloadsModule.forRoot({ folder }),
          MetricsModule.forRoot(),
          OpenApiModule.forRoot(),
        ],
      }),
    ]);

  it.each([
    ['/docs/swagger-ui-bundle.js', 'swagger-ui-bundle.js'],
    ['/files/recording.wav', 'recording.wav'],
  ])('for %s give back their files when the connection closes', async (path, name) => {
    const { url } = await start();
    const socket = await pipeline(url, path);
    await until(async () => (await openFiles(name)) > COUNT / 2);
    socket.destroy();
    await until(async () => (await openFiles(name)) === 0);
  });

  it.each(['/openapi.json', '/metrics', '/status', '/nothing', '/docs/swagger-ui-bundle.js'])(
    'for %s are forgotten when the connection closes',
    async (path) => {
      const { url, app } = await start();
      const connections = app.get<unknown>(ServerConnections, { strict: false });
      const { answers } = connections as { answers: Set<unknown> };
      const seen = new Set<unknown>();
      const add = answers.add.bind(answers);
      answers.add = (answer) => (seen.add(answer), add(answer));
      const socket = await pipeline(url, path);
      await until(() => seen.size === COUNT);
      socket.destroy();
      await until(() => answers.size === 0);
    },
  );

  it('to a bot abort all their signals when the connection closes', async () => {
    const { url, wsUrl } = await start();
    await connectClient(`${wsUrl}/ws-client`);
    const { session } = await launcher.nextLaunch();
    let [asked, aborted] = [0, 0];
    session.onRequest(({ signal }) => {
      asked++;
      signal.addEventListener('abort', () => aborted++);
      return new Promise(() => undefined);
    });
    const socket = await pipeline(url, `/sessions/${session.id}/x`);
    await until(() => asked === COUNT);
    expect(aborted).toBe(0);
    socket.destroy();
    await until(() => aborted === COUNT);
  });

  it('for /metrics share one rendering', async () => {
    const registry = new Registry();
    let render: (text: string) => void = () => undefined;
    const rendered = new Promise<string>((resolve) => (render = resolve));
    const metrics = jest.spyOn(registry, 'metrics').mockReturnValue(rendered);
    const { app, url } = await startApp(platform, [
      RunnerModule.forRoot({ features: [MetricsModule.forRoot({ registry })] }),
    ]);
    let asked = 0;
    (app.getHttpServer() as Server).on('request', () => asked++);
    const scrapes = [1, 2, 3].map(async () => (await fetch(`${url}/metrics`)).text());
    await until(() => asked === 3 && metrics.mock.calls.length > 0);
    await fetch(`${url}/status`);
    render('text');
    expect(await Promise.all(scrapes)).toEqual(['text', 'text', 'text']);
    expect(metrics.mock.calls.length).toBe(1);
  });

  it('beyond the limit end their connection, and others are answered', async () => {
    const { url } = await start();
    const socket = await pipeline(url, '/status', 1_400);
    await once(socket.resume(), 'close');
    expect((await fetch(`${url}/status`)).status).toBe(200);
  });
});
