import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { expect, it } from '@jest/globals';
import { ProviderClient } from './provider-client.js';

it('follows no redirect', async () => {
  const asked: string[] = [];
  const server = createServer(({ url }, response) => {
    asked.push(url!);
    response.writeHead(307, { location: '/elsewhere' }).end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = new ProviderClient({
    provider: 'Daily',
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    authorization: 'Bearer secret',
    secret: 'secret',
    timeoutMs: 1_000,
    reasonOf: () => undefined,
  });
  await expect(client.call('POST', '/rooms')).rejects.toMatchObject({ providerStatus: 307 });
  expect(asked).toEqual(['/rooms']);
  server.closeAllConnections();
  server.close();
});
