import { All, Controller, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { expect, it } from '@jest/globals';
import { watchAllRoutes } from './all-routes.js';

it('the handler of an @All() route is known while Fastify registers it, and only then', async () => {
  @Controller()
  class Things {
    @All('things/:id')
    any(): string {
      return 'any';
    }
  }
  @Module({ controllers: [Things] })
  class Host {}
  const adapter = new FastifyAdapter();
  const handlerOf = watchAllRoutes(adapter);
  const seen: [url: string, name: string | undefined][] = [];
  adapter.getInstance().addHook('onRoute', ({ url, method }) => {
    if (method !== 'HEAD') seen.push([url, typeof handlerOf()]);
  });
  const app = await NestFactory.create(Host, adapter, { logger: false });
  await app.init();
  expect(handlerOf()).toBeUndefined();
  expect(seen).toContainEqual(['/things/:id', 'function']);
  const { payload } = await adapter.getInstance().inject('/things/1');
  expect(payload).toBe('any');
  await app.close();
});
