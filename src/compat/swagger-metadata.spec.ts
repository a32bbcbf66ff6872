import { describe, expect, it } from '@jest/globals';
import * as swagger from '@nestjs/swagger';
import { markOperation, markProperty, propertiesOf, setOperationId } from './swagger-metadata.js';

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
