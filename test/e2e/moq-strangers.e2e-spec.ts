import { once } from 'node:events';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  MoqModule,
  RunnerModule,
  type Session,
  SessionEnd,
  SessionRegistry,
} from '../../src/index.js';
import { RecordingLauncher, startHost, type TestHost } from '../../src/testing/index.js';
import type { MoqOptions } from '../../src/transports/moq/moq.options.js';
import { post } from '../support/runner-app.js';
import { until } from '../support/until.js';

const RELAY: MoqOptions = { relayUrl: 'https://relay.test:4443/anon' };
const SERVER: MoqOptions = {};

let host: TestHost;
let registry: SessionRegistry;
/** Called with the session of a bot that is launched. */
let onLaunch: (session: Session) => void;
afterEach(() => host.close());

async function start(moq: MoqOptions): Promise<void> {
  onLaunch = ready;
  const launcher = new RecordingLauncher((_, session) => {
    const stopped = once(session.signal, 'abort');
    onLaunch(session as Session);
    return stopped.then(() => undefined);
  });
  launcher.holdsPeers = () => true;
  host = await startHost(
    RunnerModule.forRoot({
      launcher: { useValue: launcher },
      transports: [MoqModule.forRoot(moq)],
    }),
  );
  registry = host.app.get(SessionRegistry, { strict: false });
}

const ready = (session: Session): void => {
  session.context.onReady?.({});
  session.ready();
};

const ask = (body: object = {}) => post(`${host.url}/start`, { transport: 'moq', ...body });

const stopAll = () =>
  Promise.all(registry.live.map((session) => session.end(new SessionEnd('stopped', 'enough'))));

describe('MoQ sessions', () => {
  it.each([
    ['room', 'room'],
    ['room', '/room'],
    ['a/room', 'a//room/'],
  ])('never share a namespace of the relay: %s and %s', async (namespace, other) => {
    await start(RELAY);
    expect((await ask({ namespace })).status).toBe(200);
    const { status, json } = await ask({ namespace: other });
    expect([status, json.detail]).toEqual([409, 'Another session has this namespace.']);
    expect((await ask()).status).toBe(200);
    await stopAll();
    expect((await ask({ namespace: other })).status).toBe(200);
  });

  it('never share the namespace of the options', async () => {
    await start({ ...RELAY, namespace: 'room' });
    expect((await Promise.all([ask(), ask()])).map(({ status }) => status).sort()).toEqual([
      200, 409,
    ]);
  });

  it('of a server have its address one after the other, when the process of the bot is gone', async () => {
    await start(SERVER);
    let exit = (): void => undefined;
    const exited = new Promise<void>((resolve) => (exit = resolve));
    onLaunch = (session) => {
      session.onEnd(() => exited);
      ready(session);
    };
    expect((await ask()).status).toBe(200);
    const stopped = stopAll();
    await until(() => registry.size === 0);
    expect((await ask()).status).toBe(409);
    exit();
    await stopped;
    expect((await ask()).status).toBe(200);
  });
});

describe('a start over MoQ that waits for its bot', () => {
  it('ends when the client leaves', async () => {
    await start(SERVER);
    let session: Session | undefined;
    onLaunch = (launched) => (session = launched);
    const leaving = new AbortController();
    const answer = fetch(`${host.url}/start`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"transport":"moq"}',
      signal: leaving.signal,
    });
    await until(() => session !== undefined);
    leaving.abort();
    await expect(answer).rejects.toThrow();
    expect(await session!.ended).toMatchObject({
      code: 'start_failed',
      cause: expect.objectContaining({ message: 'The client left before the bot was ready.' }),
    });
    onLaunch = ready;
    expect((await ask()).status).toBe(200);
  });

  it('is answered 503 when the runner shuts down', async () => {
    await start(RELAY);
    onLaunch = () => void registry.drain();
    expect(await ask()).toMatchObject({ status: 503, json: { code: 'DRAINING' } });
  });

  it('is not answered 200 when the bot is ready after the end was decided', async () => {
    await start(RELAY);
    onLaunch = (session) => {
      void session.end(new SessionEnd('stopped', 'enough'));
      ready(session);
    };
    expect((await ask()).status).toBe(500);
  });
});
