import { Controller, Get, Module } from '@nestjs/common';
import { ModulesContainer, NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { expect, it } from '@jest/globals';
import type { ExpressApplication } from './express-router.js';
import { nameWildcards } from './wildcard-routes.js';

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
