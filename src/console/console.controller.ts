import { Get, Req, Res, type Type } from '@nestjs/common';
import { PATH_METADATA } from '@nestjs/common/constants.js';
import { HttpAdapterHost } from '@nestjs/core';
import type { HttpRequest } from '../http/http-request.js';
import { RunnerController } from '../http/runner-controller.decorator.js';
import { CONSOLE_ROUTE, ConsolePage, type HttpResponse } from './console-page.js';

/** Makes the controller anew for each application, for how its path is written depends on the application's router. */
export function consoleController(): Type<unknown> {
  /** `GET /client/`: a page to talk to the bot, for developers. */
  @RunnerController()
  class ConsoleController {
    constructor(
      private readonly page: ConsolePage,
      adapterHost: HttpAdapterHost,
    ) {
      adapterHost.init$.subscribe(() => {
        if (adapterHost.httpAdapter.getType() !== 'fastify') return;
        const serve = Reflect.get(ConsoleController.prototype, 'serve') as object;
        Reflect.defineMetadata(PATH_METADATA, [CONSOLE_ROUTE, `${CONSOLE_ROUTE}/*`], serve);
      });
    }

    @Get([CONSOLE_ROUTE, `${CONSOLE_ROUTE}/*path`])
    serve(@Req() request: HttpRequest, @Res() response: HttpResponse): Promise<void> {
      return this.page.answer(request, response);
    }
  }
  return ConsoleController;
}
