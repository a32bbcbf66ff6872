import { describe, expect, it } from '@jest/globals';
import * as swagger from '@nestjs/swagger';
import {
  markOperation,
  markProperty,
  propertiesOf,
  setOperationId,
  documentOf,
} from './swagger.js';
import { Controller, Get, Module, type Type } from '@nestjs/common';
import { ApplicationConfig, ModulesContainer, NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';

/** Fails when the decorators of `@nestjs/swagger` leave other metadata than what is written in their place. */
describe('metadata for @nestjs/swagger', () => {
  const metadataOf = (target: object, key?: string): unknown[] =>
    (Reflect.getMetadataKeys(target, key as string) as string[])
      .filter((name) => name.startsWith('swagger/'))
      .sort()
      .map((name): unknown => [name, Reflect.getMetadata(name, target, key as string)]);

  it('says of a field the same as @ApiProperty()', () => {
    const options = { description: 'A field.', required: false, type: Number, isArray: false };
    class Ours {
      field?: unknown;
    }
    class Theirs {
      field?: unknown;
    }
    markProperty(options, Ours.prototype, 'field');
    swagger.ApiProperty(options)(Theirs.prototype, 'field');
    const theirs = metadataOf(Theirs.prototype, 'field');
    expect(theirs).toHaveLength(1);
    expect(theirs).toEqual(metadataOf(Ours.prototype, 'field'));
    expect(metadataOf(Theirs.prototype)).toEqual(metadataOf(Ours.prototype));
    expect(propertiesOf(Theirs)).toEqual(propertiesOf(Ours));
    expect(propertiesOf(Ours)).toEqual([['field', options]]);
  });

  it('says of an operation the same as its decorators', () => {
    class Model {}
    const ours = (): void => undefined;
    const theirs = (): void => undefined;
    const param = { name: 'id', description: 'Which.', required: true, schema: { type: 'string' } };
    const query = { name: 'limit', description: 'How many.', required: false, schema: {} };
    const response = { description: 'All is well.', type: Model, isArray: false };
    markOperation(
      {
        apiOperation: { summary: 'Does it' },
        apiExtraModels: [Model],
        apiConsumes: ['application/json'],
        apiParameters: [
          { in: 'path', ...param },
          { in: 'query', ...query },
          { in: 'body', required: false, type: Model, isArray: false },
        ],
        apiResponse: { 200: response },
      },
      ours,
      true,
    );
    for (const decorate of [
      swagger.ApiOperation({ summary: 'Does it' }),
      swagger.ApiExtraModels(Model),
      swagger.ApiConsumes('application/json'),
      swagger.ApiParam({ ...param, schema: { type: 'string' } }),
      swagger.ApiQuery(query),
      swagger.ApiBody({ required: false, type: Model, isArray: false }),
      swagger.ApiResponse({ status: 200, ...response }),
      swagger.ApiExcludeEndpoint(),
    ]) {
      decorate({}, 'handler', { value: theirs });
    }
    setOperationId(ours, 'mine');
    swagger.ApiOperation({ summary: 'Does it', operationId: 'mine' })({}, 'handler', {
      value: theirs,
    });
    expect(metadataOf(ours)).toEqual(metadataOf(theirs));
    expect(metadataOf(ours)).toHaveLength(6);
  });
});

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
