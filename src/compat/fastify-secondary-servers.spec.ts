import dns from 'node:dns';
import { afterEach, expect, it, jest } from '@jest/globals';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { secondaryServersOf } from './fastify-secondary-servers.js';

afterEach(() => void jest.restoreAllMocks());

it('Fastify keeps the servers for further addresses of localhost where they are looked for', async () => {
  const addresses = ['127.0.0.1', '127.0.0.2'].map((address) => ({ address, family: 4 }));
  const { lookup } = dns;
  const lookUp = (name: string, options: { all?: boolean }, done: (...args: unknown[]) => void) =>
    options.all ? done(null, addresses) : lookup(name, options, done as never);
  jest.spyOn(dns, 'lookup').mockImplementation(lookUp as never);
  const adapter = new FastifyAdapter();
  expect(secondaryServersOf(adapter)).toEqual([]);
  const fastify = adapter.getInstance();
  await fastify.listen({ port: 0, host: 'localhost' });
  expect(secondaryServersOf(adapter).map((server) => server.address())).toEqual([
    expect.objectContaining({ address: '127.0.0.2' }),
  ]);
  await fastify.close();
});

it('Express has none', () => {
  expect(secondaryServersOf(new ExpressAdapter())).toEqual([]);
});
