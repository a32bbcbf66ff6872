import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { connectClient, type FakeClient } from '../../src/testing/index.js';
import { ChildHost } from '../support/child-host.js';
import { shareOf } from '../support/matrix.js';
import { BROWSER_OFFER } from '../support/offers.js';
import { PLATFORMS, post } from '../support/runner-app.js';
import { THROWABLES } from './throwables.js';

const HOST = fileURLToPath(new URL('thrown-host.js', import.meta.url));
const NAMES = Object.keys(THROWABLES);

/** Runs a test for every throwable in turn, so that the one that ends the process is known. */
async function ofEach<T>(
  play: (thrown: string) => Promise<T>,
): Promise<Record<string, T | string>> {
  const became: Record<string, T | string> = {};
  for (const thrown of NAMES) {
    became[thrown] = await play(thrown).catch(
      (error: Error) => `the runner is gone: ${error.message}`,
    );
  }
  return became;
}

/** Every throwable with the same outcome. */
const all = <T>(outcome: T): Record<string, T> =>
  Object.fromEntries(NAMES.map((thrown) => [thrown, outcome]));

/** Expected answers: errors with a safe message are answered with it. */
const ANSWERS = { ...all(500), 'a ProviderError whose status throws': 502 };

let host: ChildHost | undefined;
let startedWith = '';
/** Somebody else's conversation. */
let bystander: FakeClient;

/** A host, the same as before where that is still there. */
async function startHost(platform: string, logger = 'default'): Promise<void> {
  const settings = `${platform} ${logger}`;
  if (startedWith !== settings || host?.child.exitCode !== null) {
    await host?.kill();
    host = await ChildHost.start(HOST, platform, logger);
    startedWith = settings;
  }
  bystander = (await open('stays', undefined)).client;
}

async function open(place: string, thrown: string | undefined) {
  const { json, sessionId } = await post(`${host!.url}/start`, {
    transport: 'websocket',
    body: { place, thrown },
  });
  return { id: sessionId, client: await connectClient(String(json.wsUrl)) };
}

/** Polls a session until it has ended, because the client knows its end first. */
async function endOf(id: string): Promise<unknown> {
  for (;;) {
    const response = await fetch(`${host!.url}/sessions/${id}`);
    const { endReason } = (await response.json()) as { endReason: unknown };
    if (endReason !== null) return endReason;
  }
}

/** Has a bot throw, and tells how its session ended. @param provoke does what the bot waits for */
async function endAfter(
  place: string,
  thrown: string,
  provoke: (client: FakeClient, id: string) => unknown,
): Promise<unknown> {
  const { id, client } = await open(place, thrown);
  await provoke(client, id);
  await client.closed;
  return endOf(id);
}

/** An HTTP answer as it matters here; an error must have the runner's own shape. */
async function answerOf(path: string, init: RequestInit = {}): Promise<unknown> {
  const response = await fetch(host!.url + path, init);
  const { detail, message, code } = (await response.json()) as Record<string, unknown>;
  if (!response.ok && (typeof detail !== 'string' || detail !== message)) return 'another shape';
  return [response.status, code];
}

const statusOf = async (path: string, init: RequestInit): Promise<unknown> =>
  [await answerOf(path, init)].flat()[0];

const asked = (body: object, headers: Record<string, string> = {}): RequestInit => ({
  method: 'POST',
  body: JSON.stringify(body),
  headers: { 'content-type': 'application/json', ...headers },
});

const says = (client: FakeClient): void => client.sendMessage({ type: 'hello' });
const sendsText = (client: FakeClient) => client.send('send-text', { content: 'Hello' });
const leaves = (client: FakeClient): void => client.socket.close();
const stop = (_client: FakeClient, id: string): Promise<Response> =>
  fetch(`${host!.url}/sessions/${id}`, { method: 'DELETE' });
const nothing = (): void => undefined;

/** Places where bots throw, triggers, and end codes of the sessions. */
const SESSIONS: [
  place: string,
  provoke: (client: FakeClient, id: string) => unknown,
  end: string,
][] = [
  ['launch() (sync)', nothing, 'failed'],
  ['launch() (async)', nothing, 'failed'],
  ['the then of what launch() returns', nothing, 'failed'],
  ['launch() after its end', stop, 'stopped'],
  ['a listener of the transport (sync)', says, 'failed'],
  ['a listener of the transport (async)', says, 'failed'],
  ['a listener of the end of the transport (sync)', leaves, 'peer_left'],
  ['a listener of the end of the transport (async)', leaves, 'peer_left'],
  ['a listener of RTVI (sync)', sendsText, 'failed'],
  ['a listener of RTVI (async)', sendsText, 'failed'],
  ['a listener of the WebSocket (sync)', says, 'failed'],
  ['a listener of the WebSocket (async)', says, 'failed'],
  ['a listener of the end of the WebSocket (sync)', leaves, 'peer_left'],
  ['a listener of the end of the WebSocket (async)', leaves, 'peer_left'],
  ['addEventListener of the WebSocket (sync)', says, 'failed'],
  ['addEventListener of the WebSocket (async)', says, 'failed'],
  ['onmessage of the WebSocket (sync)', says, 'failed'],
  ['onmessage of the WebSocket (async)', says, 'failed'],
  ['a listener of the signal (sync)', stop, 'stopped'],
  ['a listener of the signal (async)', stop, 'stopped'],
  ['a handleEvent of the signal (sync)', stop, 'stopped'],
  ['a handleEvent of the signal (async)', stop, 'stopped'],
  ['onabort of the signal (sync)', stop, 'stopped'],
  ['onabort of the signal (async)', stop, 'stopped'],
  ['a cleanup of onEnd() (sync)', leaves, 'peer_left'],
  ['a cleanup of onEnd() (async)', leaves, 'peer_left'],
  ['the reason of a signal given to createTransport', nothing, 'completed'],
  ['a mark that is no text', nothing, 'failed'],
  ['around', nothing, 'failed'],
  // Where observers throw whenever a session changes.
  ['returns', nothing, 'completed'],
];

afterAll(() => host?.kill());

describe.each(PLATFORMS)('any value thrown on %s', (platform) => {
  beforeEach(() => startHost(platform));
  afterEach(async () => {
    says(bystander);
    await bystander.next('hello');
    bystander.socket.close();
    await bystander.closed;
  });

  it.each(shareOf(SESSIONS, platform, PLATFORMS))(
    'ends its own session and no other: %s',
    async (place, provoke, end) => {
      expect(await ofEach((thrown) => endAfter(place, thrown, provoke))).toEqual(all(end));
    },
  );

  it.each(['sync', 'async'])('is answered with an error over RTVI (%s)', async (how) => {
    expect(
      await ofEach(async (thrown) => {
        const { client } = await open(`a handler of RTVI (${how})`, thrown);
        await client.ready();
        const id = client.send('client-message', { t: 'anything', d: {} });
        const { type } = await client.next((message) => message.id === id);
        client.socket.close();
        return type;
      }),
    ).toEqual(all('error-response'));
  });

  it.each(['sync', 'async', 'value'])('is answered with 500 at /sessions/:id (%s)', async (how) => {
    const { id, client } = await open('what answers requests', undefined);
    expect(
      await ofEach((thrown) =>
        answerOf(`/sessions/${id}/${how}?${new URLSearchParams({ thrown }).toString()}`),
      ),
    ).toEqual(all([500, 'BOT_FAILED']));
    client.socket.close();
  });

  it.each(['sync', 'async'])(
    'has no effect after a client aborted its request (%s)',
    async (how) => {
      const { id, client } = await open('what answers requests', undefined);
      expect(
        await ofEach(async (thrown) => {
          const query = new URLSearchParams({ thrown, how }).toString();
          await fetch(`${host!.url}/sessions/${id}/never?${query}`, {
            signal: AbortSignal.timeout(50),
          }).catch(() => undefined);
          return (await fetch(`${host!.url}/livez`)).status;
        }),
      ).toEqual(all(200));
      says(client);
      client.socket.close();
      expect(await endOf(id)).toBe('peer_left');
    },
  );

  it.each(['sync', 'async', 'in a chunk', 'when it is cancelled'])(
    'cuts off an answer whose body fails (%s)',
    async (how) => {
      const { id, client } = await open('what answers requests', undefined);
      expect(
        await ofEach(async (thrown) => {
          const query = new URLSearchParams({ thrown, how }).toString();
          const leaving = new AbortController();
          const { signal } = leaving;
          const text = fetch(`${host!.url}/sessions/${id}/body?${query}`, { signal }).then(
            (answer) => {
              if (how === 'when it is cancelled') leaving.abort();
              return answer.text();
            },
          );
          await expect(text).rejects.toThrow();
          return (await fetch(`${host!.url}/livez`)).status;
        }),
      ).toEqual(all(200));
      client.socket.close();
    },
  );

  it.each(['sync', 'async'])('is answered with 500 when RunnerAuth throws it (%s)', async (how) => {
    expect(
      await ofEach((thrown) => statusOf('/start', asked({}, { 'x-throws': `${how}: ${thrown}` }))),
    ).toEqual(ANSWERS);
  });

  it.each(['sync', 'async'])(
    'is answered with 500 when a transport of the host throws it (%s)',
    async (how) => {
      expect(
        await ofEach((thrown) =>
          statusOf('/start', asked({ transport: 'own', body: { how, thrown } })),
        ),
      ).toEqual(ANSWERS);
    },
  );

  it('is answered with 500 when the host’s call parameters throw it', async () => {
    expect(await ofEach((thrown) => statusOf('/telephony/twilio', asked({ thrown })))).toEqual(
      ANSWERS,
    );
  });

  it('is answered with 502 when the host’s ICE servers throw it', async () => {
    const offer = asked({ sdp: BROWSER_OFFER, type: 'offer' });
    expect(await ofEach(() => answerOf('/api/offer', offer))).toEqual(
      all([502, 'PROVIDER_REFUSED']),
    );
  });

  it('fails a readiness check', async () => {
    expect(await ofEach(() => answerOf('/readyz'))).toEqual(all([503, 'UNHEALTHY']));
  });

  it('has no effect on a refused start when an observer throws it', async () => {
    expect(await ofEach(() => answerOf('/start', asked({ transport: 'none' })))).toEqual(
      all([400, 'TRANSPORT_UNAVAILABLE']),
    );
  });

  it('has no effect when the load function throws it', async () => {
    await host!.printed('the load was asked for');
    expect(await answerOf('/start', asked({ transport: 'websocket' }))).toEqual([200, undefined]);
  });
});

describe('a host whose logger throws', () => {
  it.each(SESSIONS)('survives any value thrown by a bot: %s', async (place, provoke, end) => {
    await startHost('fastify', 'broken');
    expect(await ofEach((thrown) => endAfter(place, thrown, provoke))).toEqual(all(end));
  });
});
