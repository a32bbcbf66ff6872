import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import * as sdk from 'livekit-server-sdk';
import { type LiveKitOptions, resolveLiveKitOptions } from './livekit.options.js';
import { LiveKitServer } from './livekit-server.js';

const KEYS = { apiKey: 'key', apiSecret: 'a-secret-of-at-least-thirty-two-characters' };

const servers: Server[] = [];
afterEach(() => {
  jest.restoreAllMocks();
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function listening(answer: RequestListener): Promise<string> {
  const server = createServer(answer).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  return `//127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A client of a server that answers so. */
async function clientOf(answer: RequestListener, options: LiveKitOptions = {}) {
  const url = `ws:${await listening(answer)}/path`;
  return new LiveKitServer(resolveLiveKitOptions({ url, ...KEYS, ...options }), sdk);
}

const answering =
  (status: number, body: unknown, type = 'application/json'): RequestListener =>
  (_request, response) => {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    response.writeHead(status, { 'content-type': type }).end(text);
  };

describe('requests to LiveKit', () => {
  it('name the method in the path, and have a token with its grant', async () => {
    const asked: unknown[] = [];
    const server = await clientOf(
      (request, response) => {
        void tell(request).then((body) => response.end(JSON.stringify(body)));
      },
      {
        room: {
          emptyTimeoutMs: 2_500,
          departureTimeoutMs: 100,
          maxParticipants: 3,
          metadata: 'm',
          agents: [{ agentName: 'a', metadata: 'b' }],
        },
      },
    );
    async function tell(request: IncomingMessage) {
      const { authorization = '', 'content-type': type } = request.headers;
      const token = authorization.replace('Bearer ', '');
      const { video } = await new sdk.TokenVerifier(KEYS.apiKey, KEYS.apiSecret).verify(token);
      const body = await json(request);
      asked.push([request.method, request.url, type, video, body]);
      return body;
    }
    await server.createRoom('r');
    await server.deleteRoom('r');
    await server.removeParticipant('r', 'i');
    const told = (method: string, grant: object, body: object) => [
      ...['POST', `/twirp/livekit.RoomService/${method}`, 'application/json'],
      grant,
      body,
    ];
    expect(asked).toEqual([
      told(
        'CreateRoom',
        { roomCreate: true },
        {
          name: 'r',
          emptyTimeout: 3,
          departureTimeout: 1,
          maxParticipants: 3,
          metadata: 'm',
          agents: [{ agentName: 'a', metadata: 'b' }],
        },
      ),
      told('DeleteRoom', { roomCreate: true }, { room: 'r' }),
      told('RemoveParticipant', { roomAdmin: true, room: 'r' }, { room: 'r', identity: 'i' }),
    ]);
  });

  it.each([302, 307])('follow no redirect with %d', async (status) => {
    const elsewhere: unknown[] = [];
    const other = await listening((request, response) => {
      elsewhere.push(request.method);
      response.end('{"name":"r"}');
    });
    const server = await clientOf((_, response) => {
      response.writeHead(status, { location: `http:${other}/` }).end();
    });
    await expect(server.createRoom('r')).rejects.toMatchObject({
      code: 'PROVIDER_REFUSED',
      message: `LiveKit answered ${status}`,
    });
    expect(elsewhere).toEqual([]);
  });

  it.each([200, 400])('read no more than 1 MiB of an answer with %d', async (status) => {
    let sent = 0;
    const server = await clientOf(
      (_, response) => {
        const write = (): void => {
          while (response.write(Buffer.alloc(65_536, ' '))) sent += 65_536;
        };
        response.on('drain', write).writeHead(status, { 'content-type': 'application/json' });
        write();
      },
      { timeoutMs: 1_500 },
    );
    await expect(server.createRoom('r')).rejects.toMatchObject({
      code: 'PROVIDER_UNREACHABLE',
      message: 'LiveKit could not be reached (its answer is too long)',
    });
    // What the sockets of the attempts buffer comes on top.
    expect(sent).toBeLessThan(50_000_000);
  });

  it('show no more of a refusal than a short, printable line without the token', async () => {
    const debug = jest.spyOn(console, 'debug').mockReturnValue(undefined);
    const server = await clientOf((request, response) => {
      const msg = `${request.headers.authorization} \x1b[31m\r\nFORGED `.repeat(1_000);
      answering(400, { code: 'x', msg })(request, response);
    });
    await expect(server.removeParticipant('r', 'i')).rejects.toMatchObject({
      message: expect.stringMatching(/^LiveKit answered 400: Bearer \*\*\* [ -~]{1,300}$/),
    });
    expect(debug).not.toHaveBeenCalled();
  });

  it.each([
    ['with another text', 'invalid key', 'text/plain', 'LiveKit answered 401: invalid key'],
    ['with JSON of another kind', '[]', 'application/json', 'LiveKit answered 401'],
    ['with a msg of another type', '{"msg":{"toString":1}}', undefined, 'LiveKit answered 401'],
    ['with nothing', '', undefined, 'LiveKit answered 401'],
  ])('name a refusal %s', async (_, body, type, message) => {
    const server = await clientOf(answering(401, body, type));
    await expect(server.deleteRoom('r')).rejects.toMatchObject({
      code: 'PROVIDER_REFUSED',
      providerStatus: 401,
      message,
    });
  });

  it.each(['', '[]', 'null', '7', '{}', '{"name":7}', '{"name":"other"}', 'not json'])(
    'take %j for no room',
    async (body) => {
      const server = await clientOf(answering(200, body), { timeoutMs: 1_000 });
      const error: unknown = await server.createRoom('r').catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({
        code: 'PROVIDER_REFUSED',
        message: expect.stringMatching(/^LiveKit answered (without the room|200: not with JSON)$/),
      });
    },
  );

  it('take a room or participant that is gone for removed', async () => {
    const server = await clientOf(answering(404, { code: 'not_found', msg: 'no such room' }));
    await expect(server.deleteRoom('r')).resolves.toBeUndefined();
    await expect(server.removeParticipant('r', 'i')).resolves.toBeUndefined();
  });
});
