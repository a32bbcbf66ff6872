import { Get, Header, Req, Res } from '@nestjs/common';
import { Access } from '../auth/access.decorator.js';
import { HttpAdapterHost } from '@nestjs/core';
import { ApiRoute, json } from '../http/api-route.decorator.js';
import type { HttpRequest } from '../http/http-request.js';
import { replyWith } from '../http/http-response.js';
import { RunnerController } from '../http/runner-controller.decorator.js';
import { DOCS_PAGE_CSP, docsPage } from './docs-page.js';
import { RunnerApi } from './runner-api.js';

/** `GET /openapi.json` and `GET /docs`: what can be asked of this runner. */
@RunnerController()
@Access('open')
export class OpenApiController {
  private page: string | undefined;

  constructor(
    private readonly api: RunnerApi,
    private readonly adapterHost: HttpAdapterHost,
  ) {}

  @Get('openapi.json')
  @ApiRoute({
    summary: 'This description',
    answers: {
      200: { description: 'An OpenAPI 3.1 document.', content: json({ type: 'object' }) },
    },
  })
  document(@Req() request: HttpRequest): object {
    return this.api.documentFor(request);
  }

  @Get('docs')
  @Header('content-security-policy', DOCS_PAGE_CSP)
  @Header('x-content-type-options', 'nosniff')
  @Header('referrer-policy', 'no-referrer')
  @ApiRoute({
    summary: 'This description for people',
    answers: {
      200: {
        description: 'A page that needs nothing else.',
        content: { 'text/html': { type: 'string' } },
      },
    },
  })
  docs(@Req() request: HttpRequest, @Res() response: unknown): void {
    this.page ??= docsPage(this.api.documentFor(request));
    replyWith(this.adapterHost, response, 'text/html; charset=utf-8', this.page);
  }
}
