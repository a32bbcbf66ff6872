import { getMaxListeners, once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { request as httpRequest } from 'node:http';
import { Module, Param, Post, Req } from '@nestjs/common';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import {
  Access,
  type BotSession,
  RunnerModule,
  SessionRegistry,
  WebSocketModule,
  SessionEnd,
} from '../../src/index.js';
import { type SessionRequestHandler } from '../../src/bot.js';
import type { HttpRequest } from '../../src/http/http-request.js';
import { RunnerController } from '../../src/http/runner-controller.decorator.js';
import { connectClient, type FakeClient, RecordingLauncher } from '../../src/testing/index.js';
import { closeApps, PLATFORMS, post, type RunningApp, startApp } from '../support/runner-app.js';

let running: RunningApp | undefined;
afterEach(closeApps);

interface Conversation {
  /** `http://…/sessions/<id>`. */
  readonly url: string;
  readonly session: BotSession;
  readonly client: FakeClient;
}

/** A bot in a conversation that answers requests with the handler. */
async function conversation(
  platform: (typeof PLATFORMS)[number],
  handler?: SessionRequestHandler,
  options: object = {},
  modules: { module: new () => object }[] = [],
): Promise<Conversation> {
  const launcher = new RecordingLauncher();
  running = await startApp(platform, [
    RunnerModule.forRoot({
      launcher: { useValue: launcher },
      transports: [WebSocketModule.forRoot(), ...modules],
      ...options,
    }),
  ]);
  const { path = '' } = options as { path?: string };
  const base = `${running.url}${path && `/${path}`}`;
  const client = await connectClient(`${base.replace('http', 'ws')}/ws-client`);
  const { session } = await launcher.nextLaunch();
  if (handler) session.onRequest(handler);
  return { url: `${base}/sessions/${session.id}`, session, client };
}

/** Answers with everything it was asked. */
const mirror: SessionRequestHandler = async (request) => {
  const { pathname, search } = new URL(request.url);
  return Response.json(
    {
      method: request.method,
      path: pathname + search,
      headers: Object.fromEntries(request.headers),
      body: await request.text(),
    },
    {
      status: 201,
      headers: [
        ['x-from', 'the bot'],
        ['set-cookie', 'a=1'],
        ['set-cookie', 'b=2'],
      ],
    },
  );
};

describe.each(PLATFORMS)('the session API on %s', (platform) => {
  it.each(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])(
    'passes %s requests to the bot',
    async (method) => {
      const { url } = await conversation(platform, mirror);
      const body = method === 'GET' ? undefined : 'as it is { not JSON';
      const response = await fetch(`${url}/a%20b/c?d=%C3%A9&d=2`, {
        method,
        body,
        headers: {
          'content-type': 'text/x-anything',
          authorization: 'Bearer key',
          'x-mine': 'yes',
        },
      });
      expect(response.status).toBe(201);
      expect(response.headers.get('x-from')).toBe('the bot');
      expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
      const seen = (await response.json()) as { headers: Record<string, string> };
      expect(seen).toMatchObject({ method, path: '/a%20b/c?d=%C3%A9&d=2', body: body ?? '' });
      expect(seen.headers).toMatchObject({ 'content-type': 'text/x-anything', 'x-mine': 'yes' });
      for (const name of [
        'authorization',
        'host',
        'connection',
        'content-length',
        'transfer-encoding',
      ]) {
        expect(seen.headers).not.toHaveProperty(name);
      }
    },
  );

  it('answers HEAD without a body, and bodiless statuses', async () => {
    const { url } = await conversation(platform, (request) =>
      request.method === 'HEAD'
        ? new Response('not to be sent', { headers: { 'x-from': 'the bot' } })
        : new Response(null, { status: 204 }),
    );
    const head = await fetch(`${url}/x`, { method: 'HEAD' });
    expect([head.status, head.headers.get('x-from'), await head.text()]).toEqual([
      200,
      'the bot',
      '',
    ]);
    expect((await fetch(`${url}/x`, { method: 'DELETE' })).status).toBe(204);
  });

  it('accepts JSON, forms and empty bodies, also below a path prefix', async () => {
    const { url } = await conversation(
      platform,
      async (request) =>
        Response.json({ empty: request.body === null, text: await request.text() }),
      { path: 'voice' },
    );
    const send = async (body?: string | URLSearchParams) =>
      (await fetch(`${url}/x`, { method: 'POST', body })).json();
    expect(await send(JSON.stringify({ a: 1 }))).toEqual({ empty: false, text: '{"a":1}' });
    expect(await send(new URLSearchParams({ a: '1' }))).toEqual({ empty: false, text: 'a=1' });
    expect(await send()).toEqual({ empty: true, text: '' });
  });

  it('streams both ways at once', async () => {
    const { url } = await conversation(
      platform,
      (request) =>
        new Response(
          request
            .body!.pipeThrough(new TextDecoderStream())
            .pipeThrough(
              new TransformStream<string, string>({
                transform: (text, controller) => controller.enqueue(text.toUpperCase()),
              }),
            )
            .pipeThrough(new TextEncoderStream()),
        ),
    );
    const outgoing = httpRequest(`${url}/echo`, { method: 'POST' });
    outgoing.write('one');
    const [response] = (await once(outgoing, 'response')) as [NodeJS.ReadableStream];
    const heard = async () => String(((await once(response, 'data')) as [Buffer])[0]);
    // Each is answered before the next is sent.
    expect(await heard()).toBe('ONE');
    outgoing.write('two');
    expect(await heard()).toBe('TWO');
    outgoing.end();
    response.resume();
    await once(response, 'end');
  });

  it('applies the bot’s backpressure to an upload', async () => {
    let read: (() => void) | undefined;
    const begin = new Promise<void>((resolve) => (read = resolve));
    const { url } = await conversation(
      platform,
      async (request) => {
        await begin;
        return new Response(String((await request.arrayBuffer()).byteLength));
      },
      { bodyLimitBytes: 100_000_000 },
    );
    const outgoing = httpRequest(`${url}/up`, { method: 'POST' });
    const chunk = Buffer.alloc(1_000_000);
    let sent = 0;
    // Loopback takes some megabytes without anybody reading.
    while (outgoing.write(chunk) || outgoing.writableLength < 20_000_000) {
      sent += chunk.length;
      if (sent > 60_000_000) throw new Error('all of it was read');
    }
    read!();
    outgoing.end();
    const [response] = (await once(outgoing, 'response')) as [NodeJS.ReadableStream];
    const [text] = (await once(response, 'data')) as [Buffer];
    expect(Number(text)).toBeGreaterThanOrEqual(20_000_000);
  });

  it('refuses bodies over the limit, announced or not', async () => {
    const { url } = await conversation(platform, mirror, { bodyLimitBytes: 1_000 });
    const announced = await post(`${url}/x`, 'x'.repeat(1_001));
    expect([announced.status, announced.json.code]).toEqual([413, 'TOO_LARGE']);
    const outgoing = httpRequest(`${url}/x`, { method: 'POST' });
    for (let i = 0; i < 11; i++) outgoing.write('x'.repeat(100));
    const [response] = (await once(outgoing, 'response')) as [{ statusCode: number }];
    expect(response.statusCode).toBe(413);
    outgoing.destroy();
  });

  it('answers 404 for an unknown session, and 409 for a bot without a request handler', async () => {
    const { url, session } = await conversation(platform);
    const { url: base, app } = running!;
    const ask = async (path: string) => {
      const { status, json } = await post(path, {});
      return [status, json.code];
    };
    expect(await ask(`${base}/sessions/none/x`)).toEqual([404, 'UNKNOWN_SESSION']);
    expect(await ask(`${url}/x`)).toEqual([409, 'WRONG_STATE']);
    const { sessionId } = await post(`${base}/start`, { transport: 'websocket' });
    expect(await ask(`${base}/sessions/${sessionId}/x`)).toEqual([409, 'WRONG_STATE']);
    session.onRequest(() => new Response('late, but there'));
    expect((await fetch(`${url}/x`)).status).toBe(200);
    const registry = app.get(SessionRegistry, { strict: false });
    await registry.require(session.id).end(new SessionEnd('stopped', ''));
    expect(await ask(`${url}/x`)).toEqual([404, 'UNKNOWN_SESSION']);
  });

  it.each<[string, SessionRequestHandler]>([
    [
      'throws',
      () => {
        throw new Error('the secret recipe');
      },
    ],
    ['rejects', () => Promise.reject(new Error('the secret recipe'))],
    ['returns something else', () => 'the secret recipe' as never],
    ['returns nothing', () => undefined as never],
    ['returns an error response', () => Response.error()],
    [
      'returns one twice',
      (() => {
        const used = new Response('the secret recipe');
        void used.text();
        return () => used;
      })(),
    ],
  ])('answers 500 without details when the handler %s', async (_, handler) => {
    const { url, session } = await conversation(platform, handler);
    const log = jest.spyOn(session.logger, 'error').mockImplementation(() => undefined);
    const { status, json } = await post(`${url}/x`, {});
    expect([status, json.code]).toEqual([500, 'BOT_FAILED']);
    expect(JSON.stringify(json)).not.toContain('secret');
    expect(log).toHaveBeenCalledTimes(1);
    // The next one is answered all the same.
    session.onRequest(mirror);
    expect((await post(`${url}/x`, {})).status).toBe(201);
  });

  it('times out a handler that does not answer, and aborts its signal', async () => {
    const signals: AbortSignal[] = [];
    const { url } = await conversation(
      platform,
      (request) => {
        signals.push(request.signal);
        return new Promise(() => undefined);
      },
      { sessionRequestTimeoutMs: 50 },
    );
    const { status, json } = await post(`${url}/x`, {});
    expect([status, json.code]).toEqual([504, 'NO_ANSWER']);
    expect(signals[0]!.aborted).toBe(true);
  });

  it('aborts the handler’s signal when the client disconnects', async () => {
    let asked: ((signal: AbortSignal) => void) | undefined;
    const signal = new Promise<AbortSignal>((resolve) => (asked = resolve));
    const { url } = await conversation(platform, (request) => {
      asked!(request.signal);
      return new Promise(() => undefined);
    });
    // Not fetch, which connects anew after an abort and so keeps the server busy.
    const leaving = httpRequest(`${url}/x`).on('error', () => undefined);
    leaving.end();
    const seen = await signal;
    leaving.destroy();
    if (!seen.aborted) await once(seen, 'abort');
  });

  it('ends with the session: 409 for new requests, running answers are cut', async () => {
    const { url, session, client } = await conversation(platform, (request) =>
      request.url.endsWith('/stream')
        ? new Response(new ReadableStream({ start: (c) => c.enqueue(Buffer.from('so far')) }))
        : new Promise(() => undefined),
    );
    const streamed = await fetch(`${url}/stream`);
    const reader = streamed.body!.getReader();
    expect(Buffer.from((await reader.read()).value).toString()).toBe('so far');
    const pending = post(`${url}/x`, {});
    const broken = reader.read().then(
      () => 'whole',
      () => 'broken off',
    );
    await client.leave();
    expect((await pending).json.code).toBe('WRONG_STATE');
    expect(await broken).toBe('broken off');
    expect(session.signal.aborted).toBe(true);
  });

  it('leaks nothing on a session with many sequential and concurrent requests', async () => {
    const { url, session } = await conversation(platform, mirror);
    const removed = jest.spyOn(session.signal, 'removeEventListener');
    const added = jest.spyOn(session.signal, 'addEventListener');
    await Promise.all(Array.from({ length: 50 }, () => post(`${url}/x`, {})));
    expect(added).toHaveBeenCalledTimes(50);
    expect(removed).toHaveBeenCalledTimes(50);
    // With a limit Node warns of a leak. Jest has a process of its own, which hears of no warning.
    expect(getMaxListeners(session.signal)).toBe(Infinity);
  });

  it('refuses methods that web-standard requests do not support', async () => {
    const { url } = await conversation(platform, mirror);
    const { host, port, pathname } = new URL(url);
    const socket = connectTcp(Number(port), '127.0.0.1');
    socket.write(`TRACE ${pathname}/x HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 40[04] /);
    socket.destroy();
  });

  it('leaves routes of transports below a session to them, with parsed bodies', async () => {
    @RunnerController('sessions/:id/api/offer')
    @Access('session')
    class OfferController {
      @Post()
      offer(@Param('id') id: string, @Req() request: HttpRequest): unknown {
        return { id, offer: request.body };
      }
    }
    @Module({ controllers: [OfferController] })
    class OfferModule {}
    const { url } = await conversation(platform, mirror, {}, [{ module: OfferModule }]);
    const { json } = await post(`${url}/api/offer`, { sdp: 'v=0' });
    expect(json).toEqual({ id: url.split('/').at(-1), offer: { sdp: 'v=0' } });
    expect((await post(`${url}/api/offers`, { sdp: 'v=0' })).json).toMatchObject({
      path: '/api/offers',
      body: '{"sdp":"v=0"}',
    });
  });
});
