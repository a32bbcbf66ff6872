import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { DownloadsModule, RunnerModule } from '../../src/index.js';
import { PLATFORMS, type RunningApp, startApp } from '../support/runner-app.js';

let running: RunningApp;
let place: string;
beforeEach(async () => {
  place = await mkdtemp(join(tmpdir(), 'downloads-'));
  await mkdir(join(place, 'recordings', 'today'), { recursive: true });
  await mkdir(join(place, 'recordings-of-others'));
  await writeFile(join(place, 'recordings', 'today', 'a call, 100%.txt'), '0123456789');
  await writeFile(join(place, 'recordings-of-others', 'secret.txt'), 'secret');
});
afterEach(async () => {
  await running.app.close();
  await rm(place, { recursive: true });
});

const FILE = '/files/today/a%20call%2C%20100%25.txt';

describe.each(PLATFORMS)('GET /files/* on %s', (platform) => {
  beforeEach(async () => {
    const features = [DownloadsModule.forRoot({ folder: join(place, 'recordings') })];
    running = await startApp(platform, [RunnerModule.forRoot({ path: 'voice', features })], (app) =>
      app.setGlobalPrefix('api'),
    );
  });

  const get = (path: string, init?: RequestInit) => fetch(`${running.url}/api/voice${path}`, init);

  /** The path as it is, which `fetch` would tidy up. */
  async function getRaw(path: string, header = 'Accept: */*'): Promise<string> {
    const socket = connect(Number(new URL(running.url).port), '127.0.0.1').setEncoding('utf8');
    socket.write(
      `GET /api/voice${path} HTTP/1.1\r\nHost: x\r\n${header}\r\nConnection: close\r\n\r\n`,
    );
    let answer = '';
    for await (const text of socket) answer += text;
    return answer;
  }

  it('sends a file with cache validators', async () => {
    const response = await get(FILE);
    expect(response.status).toBe(200);
    expect(await response.text()).toBe('0123456789');
    const { headers } = response;
    expect(headers.get('content-type')).toMatch(/^text\/plain/);
    expect(headers.get('content-disposition')).toBe(
      "attachment; filename*=UTF-8''a%20call%2C%20100%25.txt",
    );
    expect(headers.get('x-content-type-options')).toBe('nosniff');
  });

  it('answers range requests', async () => {
    const part = await get(FILE, { headers: { range: 'bytes=2-4' } });
    expect([part.status, await part.text()]).toEqual([206, '234']);
    const none = await get(FILE, { headers: { range: 'bytes=20-' } });
    expect([none.status, none.headers.get('content-range')]).toEqual([416, 'bytes */10']);
    expect(await none.json()).toMatchObject({ statusCode: 416, detail: expect.any(String) });
  });

  it('answers HEAD with the file size', async () => {
    const response = await get(FILE, { method: 'HEAD' });
    expect([response.status, response.headers.get('content-length')]).toEqual([200, '10']);
  });

  it('answers conditional requests with 304', async () => {
    const etag = (await get(FILE)).headers.get('etag')!;
    expect(await getRaw(FILE, `If-None-Match: ${etag}`)).toMatch(/^HTTP\/1\.1 304 /);
  });

  it.each(['/files/none.txt', '/files/today', '/files/%00', '/files/today%00.txt'])(
    'answers 404 for %s',
    async (path) => {
      const response = await get(path);
      expect(response.status).toBe(404);
      expect(await response.json()).toMatchObject({ code: 'NOT_FOUND' });
    },
  );

  it.each([
    '/files/../recordings-of-others/secret.txt',
    '/files/%2e%2e/recordings-of-others/secret.txt',
    '/files/..%2frecordings-of-others%2fsecret.txt',
    '/files/today/..%2f..%2f..%2f..%2f..%2f..%2fetc%2fpasswd',
    '/files//etc/passwd',
    '/files/%2fetc%2fpasswd',
    '/files/..',
  ])('refuses path traversal: %s', async (path) => {
    const answer = await getRaw(path);
    expect(answer).toMatch(/^HTTP\/1\.1 403 /);
    expect(answer).toContain('"code":"FORBIDDEN"');
    expect(answer).not.toMatch(/secret|root:/);
  });

  it('refuses symbolic links out of its folder', async () => {
    await symlink(join(place, 'recordings-of-others'), join(place, 'recordings', 'others'));
    await symlink(join(place, 'recordings', 'today'), join(place, 'recordings', 'latest'));
    expect((await get('/files/others/secret.txt')).status).toBe(403);
    expect(await (await get(FILE.replace('today', 'latest'))).text()).toBe('0123456789');
  });

  it('needs a folder, which may be made later', async () => {
    const features = [
      DownloadsModule.forRoot({ folder: join(place, 'recordings-of-others', 'secret.txt') }),
    ];
    await expect(startApp(platform, [RunnerModule.forRoot({ features })])).rejects.toThrow(
      /DownloadsModule[^]*folder must be a folder/,
    );
  });
});
