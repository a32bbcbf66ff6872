import {
  Body,
  Controller,
  Get,
  Header,
  HttpCode,
  Param,
  ParseIntPipe,
  Post,
  Req,
  RequestMethod,
  Res,
  SetMetadata,
} from '@nestjs/common';
import { describe, expect, it } from '@jest/globals';
import { handlersOf, replaceHandler } from './nest-handlers.js';

/** Fails when Nest's decorators leave other metadata than what is read. */
describe('handlersOf', () => {
  @Controller()
  class Things {
    @Get()
    @Header('x-a', '1')
    @Header('x-b', () => '2')
    list(@Res() response: unknown, @Req() request: unknown): unknown[] {
      return [request, response];
    }
    @Post(':id')
    add(@Param('id') id: string, @Req() _request: unknown, @Param() params: unknown): unknown[] {
      return [id, params];
    }
    @Post('twice')
    @HttpCode(202)
    twice(): void {}
    notAHandler(): void {}
  }
  class More extends Things {
    @Get('more')
    more(): void {}
  }

  it('reads what the decorators of handlers say', () => {
    const handlers = handlersOf(Things);
    expect(handlers.map(({ name, method, status }) => [name, method, status])).toEqual([
      ['list', RequestMethod.GET, 200],
      ['add', RequestMethod.POST, 201],
      ['twice', RequestMethod.POST, 202],
    ]);
    expect(handlers[0]!.headers).toEqual([
      { name: 'x-b', value: expect.any(Function) },
      { name: 'x-a', value: '1' },
    ]);
    expect(handlersOf(More).map(({ name }) => name)).toEqual(['more', 'list', 'add', 'twice']);
  });

  it('calls them with what their parameters are', () => {
    const [list, add, twice] = handlersOf(Things);
    const request = { params: { id: '7' } };
    const call = (handler: typeof list) =>
      handler!.handle.apply(new Things(), handler!.argumentsFor(request, 'response'));
    expect(call(list)).toEqual([request, 'response']);
    expect(call(add)).toEqual(['7', { id: '7' }]);
    expect(twice!.argumentsFor(request, 'response')).toEqual([]);
  });

  it('refuses parameters that are neither request, response nor path', () => {
    class WithBody {
      @Post()
      take(@Body() _body: unknown): void {}
    }
    class WithPipe {
      @Get(':id')
      get(@Param('id', ParseIntPipe) _id: number): void {}
    }
    expect(() => handlersOf(WithBody)).toThrow(/WithBody\.take.*@Req\(\), @Res\(\) or @Param\(\)/);
    expect(() => handlersOf(WithPipe)).toThrow(/WithPipe\.get/);
  });

  it('leaves a replaced handler what was said of it, and the original alone', () => {
    class Original {
      @Get('here')
      @SetMetadata('note', 1)
      @Header('x-a', '1')
      get(@Res({ passthrough: true }) _response: unknown, @Param('id') _id: string): string {
        return 'original';
      }
    }
    class Subclass extends Original {}
    const [handler] = handlersOf(Original);
    const replacement = (): undefined => undefined;
    replaceHandler(Subclass, handler!, replacement);
    expect(new Subclass().get(undefined, '')).toBeUndefined();
    expect(new Original().get(undefined, '')).toBe('original');
    expect(Subclass.prototype.get.name).toBe('get');
    const [replaced] = handlersOf(Subclass);
    expect(replaced).toMatchObject({ name: 'get', method: RequestMethod.GET, headers: [] });
    expect(Reflect.getMetadata('note', replacement)).toBe(1);
    // Nest gives it the response, and so does not answer by itself.
    expect(replaced!.argumentsFor({}, 'response')).toEqual(['response']);
    expect(handlersOf(Original)[0]!.headers).toEqual([{ name: 'x-a', value: '1' }]);
  });
});
