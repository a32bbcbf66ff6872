import { createServer, type RequestListener, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it, jest } from '@jest/globals';
import { ProviderClient, type ProviderClientOptions } from './provider-client.js';

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

async function clientOf(
  answer: RequestListener,
  options: Partial<ProviderClientOptions> = {},
): Promise<ProviderClient> {
  server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return new ProviderClient({
    provider: 'Daily',
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    authorization: 'Bearer secret',
    secret: 'secret',
    timeoutMs: 1_000,
    maxAttempts: 1,
    reasonOf: (body) => (body as { error?: string } | undefined)?.error,
    ...options,
  });
}

it('a provider call follows no redirect', async () => {
  const asked: string[] = [];
  const client = await clientOf(({ url }, response) => {
    asked.push(url!);
    response.writeHead(307, { location: '/elsewhere' }).end();
  });
  await expect(client.call('POST', '/rooms')).rejects.toMatchObject({ providerStatus: 307 });
  expect(asked).toEqual(['/rooms']);
});

it.each([
  ['secret', 'Daily answered 400: no *** for ***'],
  ['', 'Daily answered 400: no secret for ***'],
])(
  'the error of a provider call masks the secret %j and phone numbers',
  async (secret, message) => {
    const client = await clientOf(
      (_request, response) => {
        response.writeHead(400).end(JSON.stringify({ error: 'no secret for +4915112345678' }));
      },
      { secret },
    );
    await expect(client.call('POST', '/rooms')).rejects.toMatchObject({ message });
  },
);

it('a provider call reads no more than 1 MiB of an answer', async () => {
  const client = await clientOf((_request, response) => {
    const write = (): void => {
      while (response.write(Buffer.alloc(65_536, ' ')));
    };
    response.on('drain', write).writeHead(200);
    write();
  });
  await expect(client.call('GET', '/rooms')).rejects.toMatchObject({
    code: 'PROVIDER_UNREACHABLE',
    message: 'Daily could not be reached (its answer is too long)',
  });
});

it.each([
  ['deep', '['.repeat(500_000) + ']'.repeat(500_000)],
  ['many values', `[${'{},'.repeat(340_000)}{}]`],
])('a provider call parses no answer with %s, which would hold the event loop', async (_, json) => {
  const client = await clientOf((_request, response) => response.end(json));
  await expect(client.call('GET', '/rooms')).rejects.toMatchObject({
    message: 'Daily answered 200: not with JSON',
  });
});

it('a provider call times out while an answer goes on', async () => {
  const client = await clientOf((_request, response) => void response.writeHead(200).write('{'), {
    timeoutMs: 200,
  });
  await expect(client.call('GET', '/rooms')).rejects.toMatchObject({ code: 'PROVIDER_TIMEOUT' });
});

/** Answers of a provider, one after the other; `undefined` for a connection that breaks. */
function answering(...answers: (number | undefined)[]) {
  const asked: string[] = [];
  const listener: RequestListener = ({ method, socket }, response) => {
    const status = answers[asked.length];
    asked.push(method!);
    if (status === undefined) socket.destroy();
    else response.writeHead(status, { 'retry-after': status === 429 ? '0' : '5' }).end('{}');
  };
  return { asked, listener };
}

it.each([
  [true, 2],
  [false, 1],
])(
  'a provider call whose connection breaks, repeatable: %s, is made %d times',
  async (repeatable, times) => {
    const { asked, listener } = answering(undefined, 200);
    const client = await clientOf(listener, { maxAttempts: 5, timeoutMs: 10_000 });
    const call = client.call('POST', '/calls', { repeatable });
    if (repeatable) await expect(call).resolves.toEqual({});
    else await expect(call).rejects.toMatchObject({ code: 'PROVIDER_UNREACHABLE', attempts: 1 });
    expect(asked).toHaveLength(times);
  },
);

it('a provider call that was refused for its rate is repeated, even where it is not idempotent', async () => {
  const { asked, listener } = answering(429, 200);
  const client = await clientOf(listener, { maxAttempts: 5, timeoutMs: 10_000 });
  await expect(client.call('POST', '/calls', { repeatable: false })).resolves.toEqual({});
  expect(asked).toHaveLength(2);
});

it('a provider call makes maxAttempts at most', async () => {
  const { asked, listener } = answering(429, 429, 429);
  const client = await clientOf(listener, { maxAttempts: 2, timeoutMs: 10_000 });
  await expect(client.call('GET', '/rooms')).rejects.toMatchObject({ attempts: 2 });
  expect(asked).toHaveLength(2);
});

it('a provider call makes five attempts at most, unless maxAttempts says otherwise', async () => {
  const { asked, listener } = answering(...Array<number>(9).fill(429));
  const client = await clientOf(listener, { maxAttempts: undefined, timeoutMs: 10_000 });
  // Without the time between two attempts.
  const random = jest.spyOn(Math, 'random').mockReturnValue(-0.5);
  await expect(client.call('GET', '/rooms', { repeatable: false })).rejects.toMatchObject({
    attempts: 5,
  });
  random.mockRestore();
  expect(asked).toHaveLength(5);
});

it('a provider call waits for no Retry-After that is beyond its time-out', async () => {
  const { asked, listener } = answering(503, 200);
  const client = await clientOf(listener, { maxAttempts: 5, timeoutMs: 4_000 });
  await expect(client.call('GET', '/rooms')).rejects.toMatchObject({
    providerStatus: 503,
    retryAfterSeconds: 5,
  });
  expect(asked).toHaveLength(1);
});

it('a provider call passes on no Retry-After that is no number of seconds', async () => {
  const client = await clientOf((_request, response) => {
    response.writeHead(429, { 'retry-after': '9'.repeat(23) }).end('{}');
  });
  await expect(client.call('GET', '/rooms')).rejects.toHaveProperty('retryAfterSeconds', undefined);
});

it('a refusal of a provider that counts as success is one', async () => {
  const { asked, listener } = answering(404);
  const client = await clientOf(listener);
  const accept = (status: number): boolean => status === 404;
  await expect(client.call('DELETE', '/rooms/x', { accept })).resolves.toBeUndefined();
  expect(asked).toEqual(['DELETE']);
});

it('provider calls one after the other share connections', async () => {
  const ports = new Set<number | undefined>();
  const client = await clientOf(({ socket }, response) => {
    ports.add(socket.remotePort);
    response.end('{}');
  });
  for (let i = 0; i < 6; i++) await client.call('POST', '/rooms', { body: {} });
  expect(ports.size).toBeLessThanOrEqual(2);
});
