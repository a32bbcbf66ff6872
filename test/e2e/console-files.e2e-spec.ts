import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { gunzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, UnauthorizedException } from '@nestjs/common';
import {
  DailyModule,
  type RunnerModuleExtras,
  type RunnerOptions,
  WebSocketModule,
} from '../../src/index.js';
import { EchoBot } from '../../src/standalone/echo.bot.js';
import { RecordingLauncher } from '../../src/testing/index.js';
import { PLATFORMS, type RunningApp, runnerModule, startApp, WAYS } from '../support/runner-app.js';

let running: RunningApp;
afterEach(() => running.app.close());

/** A request as it stands, which fetch would tidy. */
async function raw(path: string, options: { method?: string; host?: string } = {}) {
  const outgoing = request(running.url, {
    path,
    method: options.method ?? 'GET',
    ...(options.host && { headers: { host: options.host } }),
  }).end();
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  const body = Buffer.concat(await response.toArray());
  return { status: response.statusCode, headers: response.headers, body };
}

describe.each(PLATFORMS)('console files on %s', (platform) => {
  const serve = async (
    options: RunnerOptions & RunnerModuleExtras = { console: true },
    ...more: [Parameters<typeof startApp>[2]?, Parameters<typeof startApp>[3]?]
  ) => {
    running = await startApp(
      platform,
      [
        runnerModule('forRoot', {
          launcher: { useValue: new RecordingLauncher() },
          transports: [WebSocketModule.forRoot()],
          ...options,
        }),
      ],
      ...more,
    );
  };

  it('are a page with its assets', async () => {
    await serve();
    const { status, headers, body } = await raw('/client/');
    expect(status).toBe(200);
    expect(headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-cache',
      'x-content-type-options': 'nosniff',
      'content-length': String(body.length),
    });
    const links = [...body.toString().matchAll(/(?:src|href)="\.\/([^"]+)"/g)].map(([, l]) => l!);
    expect(links.length).toBeGreaterThan(2);
    for (const link of links) {
      const asset = await raw(`/client/${link}`);
      expect(asset.status).toBe(200);
      expect(asset.headers['cache-control']).toBe('max-age=31536000, immutable');
      expect(asset.headers['content-type']).toBe(
        link.endsWith('.js')
          ? 'text/javascript; charset=utf-8'
          : link.endsWith('.css')
            ? 'text/css; charset=utf-8'
            : 'image/svg+xml',
      );
    }
    expect((await raw('/client/licenses.md')).headers['content-type']).toMatch(/^text\/markdown/);
  });

  it('redirect from /client to /client/ behind any proxy path', async () => {
    await serve();
    for (const [path, location] of [
      ['/client', 'client/'],
      ['/client?a=1?b', 'client/?a=1?b'],
    ] as const) {
      expect(await raw(path)).toMatchObject({ status: 302, headers: { location } });
    }
  });

  it('support HEAD, gzip and If-None-Match', async () => {
    await serve();
    const plain = await raw('/client/');
    const head = await raw('/client/', { method: 'HEAD' });
    expect(head.status).toBe(200);
    expect(head.body).toHaveLength(0);
    expect(head.headers).toMatchObject({
      'content-type': plain.headers['content-type'],
      'content-length': plain.headers['content-length'],
      etag: plain.headers.etag,
    });
    const url = `${running.url}/client/`;
    const compressed = request(url, { headers: { 'accept-encoding': 'br, gzip' } }).end();
    const [response] = (await once(compressed, 'response')) as [IncomingMessage];
    expect(response.headers).toMatchObject({ 'content-encoding': 'gzip', vary: 'Accept-Encoding' });
    expect(gunzipSync(Buffer.concat(await response.toArray()))).toEqual(plain.body);
    const again = await fetch(url, { headers: { 'if-none-match': plain.headers.etag! } });
    expect([again.status, await again.text()]).toEqual([304, '']);
  });

  it.each([
    '/client/nothing.js',
    '/client/assets',
    '/client/assets/',
    '/client//index.html',
    '/client/../package.json',
    '/client/../../package.json',
    '/client/assets/../../package.json',
    '/client/%2e%2e/%2e%2e/package.json',
    '/client/..%2f..%2f..%2fpackage.json',
    '/client/..%5c..%5cpackage.json',
    '/client/%00',
    '/client//etc/passwd',
  ])('are a closed list: %s is not found', async (path) => {
    await serve();
    const { status, body } = await raw(path);
    expect(status).toBe(404);
    expect(body.toString()).not.toContain('nestjs-pipecat-runner');
  });

  it('have a content security policy for the runner only', async () => {
    await serve();
    const policyOf = async (...args: Parameters<typeof raw>) =>
      (await raw(...args)).headers['content-security-policy'];
    const policy = await policyOf('/client/');
    expect(policy).toBe(
      `default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self' ${running.wsUrl}; ` +
        "worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'",
    );
    expect(await policyOf('/client/licenses.md')).toBe(policy);
    // A name that no host has would get into the policy.
    expect((await raw('/client/', { host: 'x;script-src' })).status).toBe(400);
  });

  it('have a content security policy for the public URL and the transports', async () => {
    await serve({
      console: true,
      publicUrl: 'https://bot.example.com/ops',
      transports: [WebSocketModule.forRoot(), DailyModule.forRoot({ apiKey: 'k' })],
    });
    const policy = (await raw('/client/')).headers['content-security-policy'];
    expect(policy).toContain("script-src 'self' https://c.daily.co blob:;");
    expect(policy).toMatch(/connect-src 'self' wss:\/\/bot\.example\.com https:\/\/\*\.daily\.co /);
    expect(policy).toContain("worker-src 'self' blob:;");
  });

  it.each(WAYS)('are below the path and the global prefix, with %s', async (way) => {
    running = await startApp(
      platform,
      [runnerModule(way, { launcher: EchoBot, path: 'voice', console: true })],
      (app) => void app.setGlobalPrefix('api'),
    );
    expect((await raw('/api/voice/client/')).status).toBe(200);
    expect(await raw('/api/voice/client')).toMatchObject({ headers: { location: 'client/' } });
    expect((await raw('/client/')).status).toBe(404);
  });

  it('are protected by the host’s guards', async () => {
    await serve(
      { console: true },
      (app) =>
        void app.useGlobalGuards({
          canActivate() {
            throw new UnauthorizedException('no badge');
          },
        }),
    );
    expect((await raw('/client/')).status).toBe(401);
  });

  it('are absent by default, and leave the path to the host', async () => {
    @Controller('client')
    class HostController {
      @Get('assets')
      assets(): string {
        return 'the host';
      }
    }
    await serve({}, undefined, { controllers: [HostController] });
    expect((await raw('/client/')).status).toBe(404);
    expect((await raw('/client/assets')).body.toString()).toBe('the host');
  });
});
