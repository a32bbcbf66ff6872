import { All, Controller, Module, Get } from '@nestjs/common';
import { NestFactory, ModulesContainer } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { expect, it } from '@jest/globals';
import { watchAllRoutes, nameWildcards } from './nest-routes.js';
import { ExpressAdapter } from '@nestjs/platform-express';
import type { ExpressApplication } from './express-router.js';

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

it('the wildcards of own routes have the name that Express wants, and others stay', async () => {
  @Controller()
  class Things {
    @Get('own/*')
    own(): string {
      return 'own';
    }
    @Get('plain')
    plain(): string {
      return 'plain';
    }
  }
  @Module({ controllers: [Things] })
  class Host {}
  const app = await NestFactory.create(Host, new ExpressAdapter(), {
    logger: false,
  });
  nameWildcards(app.get(ModulesContainer), (handler) => handler === Things.prototype.own);
  await app.listen(0, '127.0.0.1');
  const { router } = app.getHttpAdapter().getInstance() as ExpressApplication;
  const paths = router.stack.flatMap(({ route }) => (route ? [route.path] : []));
  expect(paths).toEqual(expect.arrayContaining(['/own/*path', '/plain']));
  expect(await (await fetch(`${await app.getUrl()}/own/a/b`)).text()).toBe('own');
  await app.close();
});
