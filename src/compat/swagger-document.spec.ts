import { Controller, Get, Module, type Type } from '@nestjs/common';
import { ApplicationConfig, ModulesContainer, NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import * as swagger from '@nestjs/swagger';
import { expect, it } from '@jest/globals';
import { documentOf } from './swagger-document.js';
import { markOperation } from './swagger-metadata.js';

/** Fails when `@nestjs/swagger` looks for more of an application than it is given. */
it('a document has the routes of the modules that are asked for, and what others leave out', async () => {
  const operation = (summary: string) => ({
    ...{ apiOperation: { summary }, apiExtraModels: [], apiParameters: [] },
    apiResponse: { 200: { description: 'Done.' } },
  });
  @Controller('own')
  class Own {
    @Get()
    here(): void {}
    @Get('hidden')
    hidden(): void {}
  }
  // eslint-disable-next-line @typescript-eslint/unbound-method -- for its metadata
  const { here, hidden } = Own.prototype;
  markOperation(operation('Here'), here);
  markOperation(operation('Hidden'), hidden, true);
  @Controller('other')
  class Other {
    @Get()
    there(): void {}
  }
  @Module({ controllers: [Own] })
  class OwnModule {}
  @Module({ imports: [OwnModule], controllers: [Other] })
  class Host {}
  const app = await NestFactory.create(Host, new FastifyAdapter(), { logger: false });
  app.setGlobalPrefix('api');
  await app.init();

  const info = { title: 'Own', version: '1' };
  const described = {
    modules: app.get(ModulesContainer),
    config: app.get(ApplicationConfig),
    httpAdapter: app.getHttpAdapter() as never,
  };
  const isOwn = (module: Type<unknown>): boolean => module === OwnModule;
  expect(documentOf(swagger as never, described, isOwn, { info }, {})).toMatchObject({
    info,
    paths: {
      '/api/own': { get: { summary: 'Here' } },
      '/api/own/hidden': { get: { summary: 'Hidden' } },
    },
    components: { schemas: {} },
  });
  const whole = swagger.SwaggerModule.createDocument(app, new swagger.DocumentBuilder().build());
  expect(Object.keys(whole.paths).sort()).toEqual(['/api/other', '/api/own']);
  await app.close();
});
