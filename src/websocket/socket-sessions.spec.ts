import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { WebSocket } from 'ws';
import type { RunnerAuth } from '../auth/runner-auth.js';
import { SessionEnd } from '../bot/session-end.js';
import { logTo, type RunnerLog } from '../errors/runner-logger.js';
import type { FleetRouter } from '../http/fleet-router/fleet-router.js';
import type { RunnerPaths } from '../http/runner-paths.js';
import type { RunnerRef } from '../runner-ref.js';
import type { ResolvedRunnerOptions } from '../runner.options.js';
import type { SessionRegistry } from '../sessions/session-registry.js';
import type { SessionTokens } from '../sessions/session-token.js';
import { Session } from '../sessions/session.js';
import type { RunnerSocketAdapter } from './runner-socket-adapter.js';
import type { RunnerWebSocket } from './runner-web-socket.js';
import { SocketSessions } from './socket-sessions.js';
import { RawSocketServer, UpgradeRouter } from './upgrade-router.js';

const BODY = { greeting: { text: 'hello' } };
const ID = '01234567-89ab-cdef-0123-456789abcdef';

let http: Server;
let sockets: RawSocketServer;
beforeEach(async () => {
  const line = (): void => undefined;
  logTo(() => ({ warn: line, error: line }) as unknown as RunnerLog);
  http = createServer();
  // Longer than a test may take, so that none passes because of it.
  const options = { maxPayloadBytes: 1_000, closeTimeoutMs: 600_000 };
  sockets = new RawSocketServer(() => '/ws', options);
  new UpgradeRouter(http).add(sockets);
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
});
afterEach(async () => {
  await sockets.close();
  http.close();
});

async function connect(path: string) {
  const connection = once(sockets, 'connection') as Promise<[RunnerWebSocket, IncomingMessage]>;
  const client = new WebSocket(`ws://127.0.0.1:${(http.address() as AddressInfo).port}${path}`);
  const [socket, request] = await connection;
  if (client.readyState !== WebSocket.OPEN) await once(client, 'open');
  return { client, socket, request };
}

function newSession(): Session {
  const session = new Session('x', { transport: 'websocket' }, () => undefined);
  session.connect();
  return session;
}

/** Admission by sessions that a test opens. */
function admission(options: Partial<ResolvedRunnerOptions> = {}) {
  const open = jest.fn(() => Promise.resolve(newSession()));
  const claim = jest.fn<(id: string, of: string[]) => Promise<Session | undefined>>();
  claim.mockResolvedValue(undefined);
  const refused = jest.fn((error: unknown, _what: unknown) => error);
  const registry = { open, claim, observers: { refused } };
  const all = { webSocketBody: BODY, webSocketAuth: 'none', allowedOrigins: [], ...options };
  const admits = new SocketSessions(
    all as unknown as ResolvedRunnerOptions,
    registry as unknown as SessionRegistry,
    { sessionIdOf: () => undefined } as unknown as SessionTokens,
    {} as RunnerAuth,
    {} as RunnerRef,
    {} as RunnerPaths,
    { add: () => undefined } as unknown as RunnerSocketAdapter,
    { settle: () => undefined } as unknown as FleetRouter,
  );
  const admit = (socket: RunnerWebSocket, request: IncomingMessage) =>
    admits.admit(socket, request, { transports: ['websocket'], openAs: 'websocket' });
  return { open, claim, refused, admit };
}

describe('the session of a socket', () => {
  it('has a body of its own where the client gives none', async () => {
    const { admit } = admission();
    const bodies: unknown[] = [];
    for (let i = 0; i < 2; i++) {
      const { socket, request } = await connect('/ws');
      bodies.push((await admit(socket, request))?.body);
    }
    expect(bodies).toEqual([BODY, BODY]);
    expect(bodies[0]).not.toBe(BODY);
    expect(bodies[0]).not.toBe(bodies[1]);
  });

  it.each([
    [`/ws/${ID}`, ID],
    [`/ws?session_id=any`, 'any'],
  ])('is claimed by its id: %s', async (path, id) => {
    const { admit, claim, open } = admission();
    const session = newSession();
    claim.mockResolvedValue(session);
    const { socket, request } = await connect(path);
    expect(await admit(socket, request)).toBe(session);
    expect(claim).toHaveBeenCalledWith(id, ['websocket']);
    expect(open).not.toHaveBeenCalled();
  });

  it('is a new one where the path names none, as with the token of another server', async () => {
    const { admit, claim } = admission();
    const { socket, request } = await connect('/ws/a-token');
    expect(await admit(socket, request)).toBeInstanceOf(Session);
    expect(claim).not.toHaveBeenCalled();
  });

  it('ends as left where its client left while it was claimed', async () => {
    const { admit, open } = admission();
    let opened!: (session: Session) => void;
    open.mockReturnValue(new Promise((resolve) => (opened = resolve)));
    const { client, socket, request } = await connect('/ws');
    const admitted = admit(socket, request);
    const closed = once(socket, 'close');
    client.close();
    await closed;
    opened(newSession());
    await expect((await admitted)!.ended).resolves.toMatchObject({ code: 'peer_left' });
  });

  it('ends when its socket is closed, at once also where the bot has paused it', async () => {
    const { admit } = admission();
    const { client, socket, request } = await connect('/ws');
    const session = (await admit(socket, request))!;
    socket.pause();
    const closed = once(client, 'close');
    let isClosed = false;
    socket.once('close', () => (isClosed = true));
    await session.end(new SessionEnd('stopped', 'enough'));
    expect(isClosed).toBe(true);
    const [code, reason] = (await closed) as [number, Buffer];
    expect([code, reason.toString()]).toEqual([1000, 'enough']);
  });

  it('fails where a listener of the bot throws', async () => {
    const { admit } = admission();
    const { client, socket, request } = await connect('/ws');
    const session = (await admit(socket, request))!;
    socket.on('message', () => {
      throw new Error('a bug');
    });
    client.send('x');
    await expect(session.ended).resolves.toMatchObject({ code: 'failed' });
  });
});

describe('a refused connection', () => {
  it.each([
    ['an unknown session', {}, `/ws/${ID}`, 'FORBIDDEN'],
    ['no token', { webSocketAuth: 'token' }, '/ws', 'UNAUTHORIZED'],
    ['a body that is none', {}, '/ws?body=%21', 'BAD_REQUEST'],
    ['no origin', { allowedOrigins: ['https://a.example'] }, '/ws', 'FORBIDDEN'],
  ] as const)('is told to the observers, and closed: %s', async (_, options, path, code) => {
    const { admit, refused } = admission(options as Partial<ResolvedRunnerOptions>);
    const { client, socket, request } = await connect(path);
    const closed = once(client, 'close');
    expect(await admit(socket, request)).toBeUndefined();
    expect(refused.mock.calls).toEqual([
      [expect.objectContaining({ code }), { transport: 'websocket' }],
    ]);
    expect([1008, 4003]).toContain((await closed)[0]);
  });
});
