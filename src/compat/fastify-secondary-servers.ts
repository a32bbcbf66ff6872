import type { Server } from 'node:http';
import type { AbstractHttpAdapter } from '@nestjs/core';

/**
 * Returns the servers that Fastify opens beside its own where `localhost` has several addresses, such as `127.0.0.1` and `::1`; none with other
 * adapters. Fastify keeps them in a private list.
 */
export function secondaryServersOf(adapter: AbstractHttpAdapter): readonly Server[] {
  if (adapter.getType() !== 'fastify') return [];
  const fastify = adapter.getInstance<Record<symbol, unknown>>();
  const key = Object.getOwnPropertySymbols(fastify).find(
    ({ description }) => description === 'fastify.serverBindings',
  );
  const servers = key && fastify[key];
  return Array.isArray(servers) ? (servers as Server[]) : [];
}
