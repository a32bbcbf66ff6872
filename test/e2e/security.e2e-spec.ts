import { once } from 'node:events';
import { request, type Server } from 'node:http';
import { connect as connectTcp } from 'node:net';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import {
  RunnerAuth,
  type RunnerModuleExtras,
  type RunnerOptions,
  SessionRegistry,
  SmallWebRtcModule,
  TelephonyModule,
  type TelephonyOptions,
  WebSocketModule,
} from '../../src/index.js';
import { RecordingLauncher } from '../../src/testing/index.js';
import { BROWSER_OFFER as OFFER } from '../support/offers.js';
import {
  closeApps,
  closeOf,
  connect,
  PLATFORMS,
  type Platform,
  post,
  type RunningApp,
  runnerModule,
  startApp,
} from '../support/runner-app.js';

let running: RunningApp | undefined;
afterEach(closeApps);

async function start(
  platform: Platform,
  options: RunnerOptions & RunnerModuleExtras & { telephony?: TelephonyOptions } = {},
) {
  const { telephony, ...rest } = options;
  const launcher = new RecordingLauncher(async (_args, session) => {
    session.onRequest(
      async (asked) => new Response(`${asked.url} ${[...asked.headers.keys()].join()}`),
    );
    session.ready();
    await once(session.signal, 'abort');
  });
  running = await startApp(platform, [
    runnerModule('forRoot', {
      launcher: { useValue: launcher },
      transports: [
        WebSocketModule.forRoot(),
        TelephonyModule.forRoot(telephony ?? {}),
        SmallWebRtcModule.forRoot(),
      ],
      defaultTransport: 'websocket',
      ...rest,
    }),
  ]);
  const sessions = running.app.get(SessionRegistry, { strict: false });
  return { ...running, launcher, sessions };
}

/** Sends bytes as they are, and resolves with all that comes back until the connection closes. */
async function raw(url: string, text: string): Promise<string> {
  const tcp = connectTcp(Number(new URL(url).port), '127.0.0.1');
  tcp.write(text);
  let answer = '';
  for await (const part of tcp) answer += String(part);
  return answer;
}

/** A POST of JSON whose request line is written by hand. */
const posted = (target: string, body: string, headers = ''): string =>
  `POST ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n${headers}` +
  `Content-Length: ${body.length}\r\n\r\n${body}`;

const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

describe.each(PLATFORMS)('an attacker on %s', (platform) => {
  it('cannot bypass CORS, limits and body parsing with another spelling of a path', async () => {
    const { url, sessions } = await start(platform, {
      allowedOrigins: ['https://app.example.com'],
    });
    for (const target of [
      '/START',
      '/st%61rt',
      'http://x/start',
      '//start',
      '/x/../start',
      '/start;x',
    ]) {
      const answer = await raw(url, posted(target, '{}', 'Origin: https://evil.example\r\n'));
      expect([target, answer.slice(0, 12)]).toEqual([
        target,
        expect.stringMatching(/HTTP\/1.1 40[034]/),
      ]);
    }
    expect(sessions.size).toBe(0);
  });

  it('cannot start sessions from a forbidden origin with a form that needs no preflight', async () => {
    const { url, sessions } = await start(platform, {
      allowedOrigins: ['https://app.example.com'],
    });
    const form = (origin?: string) =>
      fetch(`${url}/start`, {
        method: 'POST',
        headers: origin === undefined ? {} : { origin },
        body: new URLSearchParams({ transport: 'websocket' }),
      });
    // The name of an attacker that was made to mean this machine is an origin, too.
    for (const origin of [
      'https://evil.example',
      'null',
      `http://rebound.example:${new URL(url).port}`,
    ]) {
      const refused = await form(origin);
      expect(refused.status).toBe(403);
      expect(await refused.json()).toMatchObject({ code: 'FORBIDDEN', detail: expect.any(String) });
    }
    expect(sessions.size).toBe(0);
    expect((await form('https://app.example.com')).status).toBe(200);
    // Servers have no origin.
    expect((await form()).status).toBe(200);
  });

  it('cannot block the event loop with a path of slashes', async () => {
    const { url } = await start(platform);
    await raw(url, 'GET /status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    const path = `${'/'.repeat(14_000)}x`;
    const before = process.cpuUsage();
    for (let i = 0; i < 5; i++) {
      await raw(url, `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    }
    expect(process.cpuUsage(before).user / 1_000).toBeLessThan(500);
  });

  it('cannot block the event loop with an offer of thousands of formats', async () => {
    const { url, sessions } = await start(platform);
    const formats = '9 '.repeat(25_000).trim();
    const sdp = OFFER.replace(/^(m=audio \d+ \S+) .*$/m, `$1 ${formats}`) + 'a=\r\n'.repeat(10_000);
    await post(`${url}/api/offer`, { sdp: 'v=0', type: 'offer' });
    const before = process.cpuUsage();
    const { status } = await post(`${url}/api/offer`, { sdp, type: 'offer' });
    expect(status).toBe(400);
    expect(process.cpuUsage(before).user / 1_000).toBeLessThan(300);
    expect(sessions.size).toBe(0);
  });

  it('leaves no session behind with a webhook that cannot be processed', async () => {
    const log = jest.spyOn(Logger.prototype, 'error').mockImplementation(() => undefined);
    const { url, sessions } = await start(platform, {
      webSocketAuth: 'token',
      telephony: {
        customParameters: ({ From }) => ({
          caller: From as string,
          last4: (From as string).slice(-4),
        }),
      },
    });
    expect((await post(`${url}/telephony/twilio`, {})).status).toBe(500);
    expect(sessions.size).toBe(0);
    log.mockRestore();
  });

  it('cannot inject XML into a webhook answer', async () => {
    const { url } = await start(platform, {
      telephony: {
        customParameters: ({ From, To }) => ({ From: From as string, To: To as string }),
      },
    });
    const answer = await fetch(`${url}/telephony/twilio`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        From: '"/><Dial>+15550009</Dial><x y="\u0000\u001b',
        To: { evil: 1 },
      }),
    });
    const xml = await answer.text();
    expect(answer.status).toBe(200);
    expect(xml).toContain('value="&quot;/&gt;&lt;Dial&gt;+15550009&lt;/Dial&gt;&lt;x y=&quot;"');
    expect(xml).not.toContain('evil');
  });

  it.each(['__proto__', 'constructor'])(
    'cannot pollute a prototype with %s in JSON',
    async (key) => {
      const { url, wsUrl, launcher } = await start(platform);
      const evil = `{"${key}":{"polluted":true,"prototype":{"polluted":true}},"transport":"websocket","body":{"${key}":{"polluted":true}}}`;
      const { status, json } = await post(`${url}/start`, evil);
      expect(status).toBe(200);
      const client = await connect(json.wsUrl as string);
      const { args } = await launcher.nextLaunch();
      // The bot gets what was sent, as data.
      expect(JSON.stringify(args.body)).toBe(`{"${key}":{"polluted":true}}`);
      const query = Buffer.from(evil).toString('base64url');
      const other = await connect(`${wsUrl}/ws-client?body=${query}`);
      await launcher.nextLaunch();
      const call = await connect(`${wsUrl}/ws`);
      call.send(
        `{"event":"start","${key}":{"polluted":true},"start":{"streamSid":"MZ1","callSid":"CA1","${key}":{"polluted":true},` +
          `"customParameters":{"${key}":{"polluted":true},"from_number":"+1"}}}`,
      );
      await launcher.nextLaunch();
      expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
      expect((Object as { polluted?: unknown }).polluted).toBeUndefined();
      for (const socket of [client, other, call]) socket.terminate();
    },
  );

  it('reaches no session of another named principal', async () => {
    const [shop, bank, other, backend] = ['pk_shop', 'pk_bank', 'pk_other', 'sk_backend'].map(
      (key) => `${key}_0123456789abcdef`,
    ) as [string, string, string, string];
    const { url } = await start(platform, {
      publicKeys: [{ key: shop, name: 'shop' }, { key: bank, name: 'bank' }, other],
      privateKeys: [backend],
    });
    const begin = async (key: string) => {
      const { json, sessionId } = await post(`${url}/start`, {}, bearer(key));
      await connect(json.wsUrl as string);
      return sessionId;
    };
    const reach = async (id: string, key: string) =>
      (await fetch(`${url}/sessions/${id}/context`, { headers: bearer(key) })).status;
    const ofShop = await begin(shop);
    expect(await reach(ofShop, shop)).toBe(200);
    expect(await reach(ofShop, backend)).toBe(200);
    // As if there were none.
    expect(await reach(ofShop, bank)).toBe(404);
    expect(await reach(ofShop, other)).toBe(404);
    // A session that nobody with a name started is everybody's.
    for (const key of [other, backend]) {
      const id = await begin(key);
      for (const by of [shop, bank, other, backend]) expect(await reach(id, by)).toBe(200);
    }
    const webrtc = await post(`${url}/start`, { transport: 'webrtc' }, bearer(shop));
    const offerUrl = `${url}/sessions/${webrtc.sessionId}/api/offer`;
    const offer = { sdp: OFFER, type: 'offer' };
    expect((await post(offerUrl, offer, bearer(bank))).status).toBe(404);
    const { status, json } = await post(offerUrl, offer, bearer(shop));
    expect(status).toBe(200);
    const candidates = { pc_id: json.pc_id, candidates: [] };
    const patch = async (path: string, key: string) =>
      (
        await fetch(path, {
          method: 'PATCH',
          headers: { 'content-type': 'application/json', ...bearer(key) },
          body: JSON.stringify(candidates),
        })
      ).status;
    for (const path of [offerUrl, `${url}/api/offer`]) {
      expect(await patch(path, bank)).toBe(404);
      expect(await patch(path, shop)).toBe(200);
    }
    // A connection that is not one's own is as good as unknown, so this is a new one.
    const taken = await post(`${url}/api/offer`, { ...offer, pc_id: json.pc_id }, bearer(bank));
    expect(taken.json.pc_id).not.toBe(json.pc_id);
  });

  it('reaches no session of another user of the host, unless permitted to reach all', async () => {
    class Users extends RunnerAuth {
      authorize({ request: { headers } }: Parameters<RunnerAuth['authorize']>[0]) {
        const id = headers['x-user'] as string;
        return { id, reachesAll: id === 'admin' };
      }
    }
    const { url } = await start(platform, { auth: Users });
    const { json, sessionId } = await post(`${url}/start`, {}, { 'x-user': 'ann' });
    await connect(json.wsUrl as string);
    const reach = async (user: string) =>
      (
        await fetch(`${url}/sessions/${sessionId}/x`, {
          headers: { 'x-user': user },
        })
      ).status;
    expect([await reach('ann'), await reach('bob'), await reach('admin')]).toEqual([200, 404, 200]);
  });

  it('cannot leave the routes by path traversal', async () => {
    const { url, launcher } = await start(platform);
    const { json, sessionId } = await post(`${url}/start`);
    await connect(json.wsUrl as string);
    await launcher.nextLaunch();
    const id = sessionId;
    for (const path of [
      '/../package.json',
      '/..%2fpackage.json',
      '/files/..%2f..%2fetc/passwd',
      '/client/..%2f..%2fetc/passwd',
    ]) {
      const answer = await raw(url, `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
      expect([path, answer.slice(0, 12)]).toEqual([path, 'HTTP/1.1 404']);
    }
    // Whatever stands behind the id is the bot's, as a path of its own and no other host's.
    const seen = await raw(
      url,
      `GET /sessions/${id}//evil.example/..%2f..%2fx HTTP/1.1\r\nHost: evil.example\r\nAuthorization: Bearer secret\r\nConnection: close\r\n\r\n`,
    );
    expect(seen).toContain('http://session//evil.example/..%2f..%2fx');
    expect(seen).not.toMatch(/authorization|host/);
  });

  it('cannot inject headers or log lines', async () => {
    const lines: unknown[] = [];
    for (const level of ['log', 'warn', 'error'] as const) {
      jest.spyOn(Logger.prototype, level).mockImplementation((...args) => void lines.push(...args));
    }
    const { url, wsUrl } = await start(platform, {
      telephony: { webhookKeys: { twilio: 'the-token-of-the-account' } },
    });
    const evil = 'x\r\nX-Evil: 1\n\u001b[31m\u2028\u0085FAKE';
    const answers = [
      await post(`${url}/start`, { transport: evil }),
      await post(
        `${url}/telephony/twilio?${encodeURIComponent(evil)}`,
        { From: evil },
        { 'x-twilio-signature': 'AAAA' },
      ),
      await post(`${url}/telephony/${encodeURIComponent(evil)}`, {}),
      await post(`${url}/api/offer`, { sdp: evil, type: evil, [evil]: evil }),
    ];
    for (const { status, headers } of answers) {
      expect(status).toBeGreaterThanOrEqual(400);
      expect(headers.get('x-evil')).toBeNull();
    }
    const { sessionId } = await post(`${url}/start`);
    const stop = await fetch(`${url}/sessions/${sessionId}?reason=${encodeURIComponent(evil)}`, {
      method: 'DELETE',
    });
    expect(stop.status).toBe(422);
    const { json } = await post(`${url}/start`, { transport: 'twilio' });
    const call = await connect(`${wsUrl}/ws?token=${String(json.token)}`);
    const closed = closeOf(call);
    for (let i = 0; i < 2; i++)
      call.send(JSON.stringify({ event: evil, start: { streamSid: evil } }));
    expect((await closed).code).toBe(1008);
    expect(lines.length).toBeGreaterThan(0);
    // Characters that command a terminal, or begin a new line where a log is read.
    for (const line of lines) expect(String(line)).not.toMatch(/[^\P{Cc}\n]|[\u2028\u2029]|FAKE/u);
    jest.restoreAllMocks();
  });

  it.each([
    ['12 KB', 'a'.repeat(12_000)],
    ['control characters of C1', 'x\x9b31m\x85y'],
    ['a path', 'a.example/b'],
    ['credentials', 'user@a.example'],
    ['a port that is none', 'a.example:port'],
    ['text for XML', '"><Dial>'],
  ])('is answered 400 for a Host of %s, which is in no log', async (_, host) => {
    const lines: unknown[] = [];
    for (const level of ['log', 'warn', 'error'] as const) {
      jest.spyOn(Logger.prototype, level).mockImplementation((...args) => void lines.push(...args));
    }
    const { url } = await start(platform, {
      telephony: { webhookKeys: { twilio: 'the-token-of-the-account' } },
    });
    for (const path of ['/telephony/twilio', '/telephony/plivo', '/start']) {
      const answer = await raw(
        url,
        `POST ${path} HTTP/1.1\r\nHost: ${host}\r\nX-Twilio-Signature: ${'A'.repeat(27)}=\r\n` +
          'Content-Length: 0\r\nConnection: close\r\n\r\n',
      );
      expect(answer).toMatch(/^HTTP\/1\.1 400 /);
      expect(answer.length).toBeLessThan(1_000);
    }
    for (const path of ['/ws', '/ws-client']) {
      const answer = await raw(
        url,
        `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
          'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
      );
      expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    }
    expect(lines.join('')).not.toMatch(/a{100}|31m|user@|Dial/);
    jest.restoreAllMocks();
  });

  it.each(['127.0.0.1', 'a_b.example:80', '[::1]:7860', 'xn--bcher-kva.example.', 'localhost:'])(
    'is served with the Host %s',
    async (host) => {
      const { url } = await start(platform);
      const line = `GET /status HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;
      expect(await raw(url, line)).toMatch(/^HTTP\/1\.1 200 /);
    },
  );

  it('is answered as with HTTP/1.1 when it calls that HTTP/2.0', async () => {
    const { url } = await start(platform);
    const head = 'POST /start HTTP/2.0\r\nHost: x\r\nContent-Type: application/json\r\n';
    for (const [body, status] of [
      ['{"transport":"websocket"}', 200],
      ['{"transport":1}', 422],
    ] as const) {
      const length = `Content-Length: ${body.length}\r\nConnection: close\r\n\r\n`;
      expect(await raw(url, `${head}${length}${body}`)).toContain(`HTTP/1.1 ${status} `);
    }
  });

  it('learns nothing of an unexpected error but that it happened', async () => {
    const log = jest.spyOn(Logger.prototype, 'error').mockImplementation(() => undefined);
    class Broken extends RunnerAuth {
      authorize(): never {
        throw new Error('cannot reach postgres://runner:hunter2@db.internal/sessions');
      }
    }
    const { url } = await start(platform, { auth: Broken });
    const { status, json } = await post(`${url}/start`);
    expect(status).toBe(500);
    expect(JSON.stringify(json)).not.toMatch(/postgres|hunter2|db\.internal|at .*\.ts/);
    log.mockRestore();
  });

  it('cannot hold a connection open with slow headers or a slow body', async () => {
    const { app, url, sessions } = await start(platform, { bodyTimeoutMs: 100 });
    // Node's, which neither framework changes.
    const { headersTimeout } = app.getHttpServer() as Server;
    expect(headersTimeout).toBeGreaterThan(0);
    expect(headersTimeout).toBeLessThanOrEqual(60_000);
    const answer = await raw(
      url,
      'POST /start HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"body":',
    );
    expect(answer).toMatch(/^HTTP\/1.1 400 .*took too long/s);
    expect(sessions.size).toBe(0);
  });

  it('is disconnected after sending more than announced or allowed', async () => {
    const { url, sessions } = await start(platform, { bodyLimitBytes: 10_000 });
    const big = await post(`${url}/start`, JSON.stringify({ body: 'x'.repeat(20_000) }));
    expect([big.status, big.headers.get('connection')]).toEqual([413, 'close']);
    const endless = request(`${url}/start`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
    });
    endless.on('error', () => undefined);
    const gone = once(endless, 'close');
    const pour = (): void => {
      if (!endless.destroyed) endless.write('x'.repeat(5_000), () => setImmediate(pour));
    };
    pour();
    await gone;
    expect(sessions.size).toBe(0);
  });
});
