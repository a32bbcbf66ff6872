import { execFileSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Controller, type INestApplication, Post, Req } from '@nestjs/common';
import { AnyFilesInterceptor } from '@nestjs/platform-express';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import multipart, { type MultipartFile } from '@fastify/multipart';
import multer from 'multer';
import { RunnerModule, WebSocketModule } from '../../src/index.js';
import { connectClient, RecordingLauncher } from '../../src/testing/index.js';
import { Lines } from '../support/lines.js';
import { ProcessHost } from '../support/process-host.js';
import { closeApps, type Platform, PLATFORMS, post, startApp } from '../support/runner-app.js';
import { itWith } from '../support/needs.js';

const MAX_BYTES = 300_000;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'uploads-'));
});
afterEach(async () => {
  await closeApps();
  await rm(folder, { recursive: true, force: true });
});

/** Starts a host with uploads of at most {@link MAX_BYTES}. @returns its URL */
async function start(
  platform: Platform,
  configure?: (app: INestApplication) => void,
): Promise<string> {
  const runner = RunnerModule.forRoot({
    launcher: { useValue: new RecordingLauncher() },
    transports: [WebSocketModule.forRoot()],
    uploads: { folder, maxBytes: MAX_BYTES },
  });
  return (await startApp(platform, [runner], configure, { controllers: [OwnFiles] })).url;
}

interface Answer {
  readonly status: number;
  readonly json: { readonly code?: string; readonly source: { readonly url: string } };
}

async function upload(url: string, content: Buffer | string): Promise<Answer> {
  const body = new FormData();
  body.append('file', new File([content], 'menu.txt'));
  const response = await fetch(url, { method: 'POST', body });
  return { status: response.status, json: (await response.json()) as Answer['json'] };
}

const stored = (): Promise<string[]> => readdir(folder);

/** A request that the host's own parser may have put the file into. */
interface HostRequest {
  /** Of multer; a function of @fastify/multipart. */
  readonly files?: { readonly buffer: Buffer }[] | (() => unknown);
  /** Of @fastify/multipart. */
  readonly body?: { readonly file?: MultipartFile };
  file?(): Promise<MultipartFile>;
}

@Controller('own-files')
class OwnFiles {
  @Post()
  async size(@Req() request: HostRequest): Promise<{ size?: number }> {
    if (Array.isArray(request.files)) return { size: request.files[0]?.buffer.length };
    const file = request.body?.file ?? (await request.file!());
    return { size: (await file.toBuffer()).length };
  }
}

const register = (app: INestApplication, options?: { attachFieldsToBody: true }): void =>
  void (app as NestFastifyApplication).register(multipart, options);
const intercept = (app: INestApplication): unknown =>
  app.useGlobalInterceptors(new (AnyFilesInterceptor())());

describe.each<[Platform, string, (app: INestApplication) => unknown]>([
  ['fastify', '@fastify/multipart', (app) => register(app)],
  [
    'fastify',
    '@fastify/multipart that fills bodies',
    (app) => register(app, { attachFieldsToBody: true }),
  ],
  ['express', 'multer as a middleware', (app) => app.use(multer().any())],
  ['express', 'multer as a global interceptor', intercept],
])('a host on %s with %s', (platform, _, configure) => {
  it('leaves uploads to the runner, and gets those of its own routes', async () => {
    const url = await start(platform, configure);
    const content = Buffer.alloc(MAX_BYTES, 'soup\r\n--');
    const { sessionId } = await post(`${url}/start`, { transport: 'websocket' });
    for (const path of ['/files', `/sessions/${sessionId}/files`]) {
      const { status, json } = await upload(url + path, content);
      expect(status).toBe(200);
      const id = json.source.url.replace('pipecat:', '');
      expect((await readFile(join(folder, id))).equals(content)).toBe(true);
      const tooLarge = await upload(url + path, Buffer.alloc(MAX_BYTES + 1));
      expect([tooLarge.status, tooLarge.json.code]).toEqual([413, 'TOO_LARGE']);
    }
    expect(await stored()).toHaveLength(2);
    expect(await upload(`${url}/own-files`, content)).toEqual({
      status: 201,
      json: { size: MAX_BYTES },
    });
    expect(await stored()).toHaveLength(2);
  });
});

it('a form that a middleware of Fastify takes is an error that the log explains', async () => {
  const lines = new Lines();
  const url = await start('fastify', (app) => {
    app.useLogger(lines);
    app.use(multer().any());
  });
  expect((await upload(`${url}/files`, 'soup')).status).toBe(500);
  await lines.with('Something read the body of a request before the runner');
  expect(await stored()).toEqual([]);
});

const { PIPECAT_PYTHON } = process.env;

itWith('Pipecat')(
  'a Pipecat bot reads an upload with its own FileResolver after send-file',
  async () => {
    const bot = { python: 'test/support/bots/file_bot.py', pythonPath: PIPECAT_PYTHON };
    const { host, sessions, lines } = await ProcessHost.start(bot, { uploads: { folder } });
    try {
      const { json } = await post(`${host.url}/start`, { transport: 'websocket' });
      const client = await connectClient(String(json.wsUrl));
      await client.ready();
      const { json: file } = await upload(`${host.url}/sessions/${sessions[0]!.id}/files`, 'soup');
      client.send('send-file', { content: 'Read this:', file });
      expect((await client.next('server-message')).data).toEqual({
        name: 'menu.txt',
        text: 'Read this:',
        content: 'soup',
      });
      await client.leave();
      expect((await sessions[0]!.ended).code).toBe('peer_left');
      expect(await stored()).toEqual([]);
      expect(lines.all.filter((line) => line.includes('could not be deleted'))).toEqual([]);
    } finally {
      await host.close();
    }
  },
);

const mountSmallDisk = (at: string) =>
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', at], { stdio: 'ignore' });
const unmount = (at: string) => execFileSync('umount', [at]);

itWith('the right to mount').each(PLATFORMS)(
  'a full disk on %s is answered with 507, and keeps nothing',
  async (platform) => {
    mountSmallDisk(folder);
    try {
      const url = await start(platform);
      const { sessionId } = await post(`${url}/start`, { transport: 'websocket' });
      for (const path of ['/files', `/sessions/${sessionId}/files`]) {
        const { status, json } = await upload(url + path, Buffer.alloc(MAX_BYTES));
        expect([status, json.code]).toEqual([507, 'STORAGE_FULL']);
        expect(await stored()).toEqual([]);
      }
      expect((await upload(`${url}/files`, Buffer.alloc(200_000))).status).toBe(200);
      const second = await upload(`${url}/files`, Buffer.alloc(200_000));
      expect([second.status, second.json.code]).toEqual([507, 'STORAGE_FULL']);
      expect(await stored()).toHaveLength(1);
    } finally {
      await closeApps();
      unmount(folder);
    }
  },
);
