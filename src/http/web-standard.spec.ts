import { once } from 'node:events';
import { createServer, IncomingMessage, type RequestListener, ServerResponse } from 'node:http';
import { type AddressInfo, Socket } from 'node:net';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { EMPTY_BODY } from './runner-request.js';
import { sendWebResponse, webRequest } from './web-standard.js';

const { signal } = new AbortController();

function relayed(headers: Record<string, string>): Record<string, string> {
  const raw = Object.assign(new IncomingMessage(new Socket()), { method: 'GET' });
  Object.assign(raw.headers, headers);
  const streamed = { method: 'GET', raw, taken: EMPTY_BODY, rawBody: Buffer.alloc(0) };
  return Object.fromEntries(webRequest(streamed, '/x', signal).headers);
}

describe('a request to a session', () => {
  it.each([
    ['x-hop', { 'x-hop': '1' }],
    ['close, X-Hop ,,x-other', { 'x-hop': '1', 'x-other': '2', te: 'trailers' }],
    ['keep-alive', { 'keep-alive': 'timeout=5', upgrade: 'h2c', 'proxy-connection': 'close' }],
    ['close', { authorization: 'Bearer pk_0123456789abcdef', 'proxy-authorization': 'Basic YTpi' }],
  ])('reaches the bot without its key and hop-by-hop headers: Connection: %s', (hop, headers) => {
    expect(relayed({ ...headers, connection: hop, 'x-kept': 'y' })).toEqual({ 'x-kept': 'y' });
  });

  it('keeps a header that no connection option names', () => {
    expect(relayed({ connection: 'x-hop-2', 'x-hop': '1' })).toEqual({ 'x-hop': '1' });
  });

  it.each([
    ['gzip', gzipSync, null],
    ['x-gzip', gzipSync, null],
    ['br', brotliCompressSync, null],
    ['deflate, GZIP', (text: string) => gzipSync(deflateSync(text)), null],
    ['of-its-own', (text: string) => Buffer.from(text), 'of-its-own'],
  ])(
    'is answered with what fetch() has decoded, encoded as %s, and says so',
    async (encoding, encode, left) => {
      const serve = async (listener: RequestListener) => {
        const server = createServer(listener).listen(0, '127.0.0.1');
        await once(server, 'listening');
        const { port } = server.address() as AddressInfo;
        return { url: `http://127.0.0.1:${port}`, server };
      };
      const upstream = await serve((_, response) =>
        response.writeHead(200, { 'content-encoding': encoding }).end(encode('hello')),
      );
      const front = await serve((_, response) => {
        void fetch(upstream.url).then((answer) =>
          sendWebResponse(answer, () => response, { withBody: true, signal }),
        );
      });
      try {
        const answer = await fetch(front.url);
        expect(await answer.text()).toBe('hello');
        expect(answer.headers.get('content-encoding')).toBe(left);
      } finally {
        for (const { server } of [upstream, front]) server.close().closeAllConnections();
      }
    },
  );

  it('is answered with the encoding that the bot itself has given it', async () => {
    const response = new ServerResponse(new IncomingMessage(new Socket()));
    const answer = new Response(gzipSync('hello'), { headers: { 'content-encoding': 'gzip' } });
    await sendWebResponse(answer, () => response, { withBody: false, signal });
    expect(response.getHeader('content-encoding')).toBe('gzip');
  });

  it('is answered without the hop-by-hop headers of the bot’s response', async () => {
    const response = new ServerResponse(new IncomingMessage(new Socket()));
    const headers = { connection: 'X-Hop, set-cookie', 'x-hop': '1', 'set-cookie': 'a=b', a: 'b' };
    const answer = new Response(null, { headers });
    await sendWebResponse(answer, () => response, { withBody: true, signal });
    expect({ ...response.getHeaders() }).toEqual({ a: 'b' });
  });
});

it('the cookies that a bot sets are all sent', async () => {
  const response = new ServerResponse(new IncomingMessage(new Socket()));
  const answer = new Response(null);
  for (const cookie of ['a=1', 'b=2']) answer.headers.append('set-cookie', cookie);
  await sendWebResponse(answer, () => response, { withBody: true, signal });
  expect(response.getHeader('set-cookie')).toEqual(['a=1', 'b=2']);
});
