import { Get, Req, Res } from '@nestjs/common';
import { Access } from '../auth/access.decorator.js';
import { ApiRoute } from '../http/api-route.decorator.js';
import type { HttpRequest } from '../http/http-request.js';
import { RunnerController } from '../http/runner-controller.decorator.js';
import { CONSOLE_ROUTE, ConsolePage, type HttpResponse } from './console-page.js';

/** `GET /client/`: a page for developers to talk to the bot. It needs no key, but starting a bot does. */
@RunnerController()
@Access('open')
export class ConsoleController {
  constructor(private readonly console: ConsolePage) {}

  @Get(CONSOLE_ROUTE)
  @ApiRoute({
    summary: 'A page to talk to the bot',
    answers: {
      200: { description: 'The page.', content: { 'text/html': { type: 'string' } } },
      302: { description: 'The page is at `/client/`.' },
    },
  })
  page(@Req() request: HttpRequest, @Res() response: HttpResponse): Promise<void> {
    return this.console.answerFolder(request, response);
  }

  @Get(`${CONSOLE_ROUTE}/*`)
  @ApiRoute({
    summary: 'A file of that page',
    params: { path: { description: 'Its name, such as `licenses.md`.' } },
    answers: { 200: { description: 'The file.', content: { '*/*': {} } } },
    errors: ['NOT_FOUND'],
    notForSwagger: true,
  })
  file(@Req() request: HttpRequest, @Res() response: HttpResponse): Promise<void> {
    return this.console.answerFile(request, response);
  }
}
