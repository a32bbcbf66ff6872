import { join } from 'node:path';
import { Get, Header, Param, Req, Res } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { Access } from '../auth/access.decorator.js';
import { RunnerError } from '../errors/runner.error.js';
import { ApiRoute, json } from '../http/api-route.decorator.js';
import type { HttpRequest } from '../http/http-request.js';
import { replyWith } from '../http/http-response.js';
import { RunnerController } from '../http/runner-controller.decorator.js';
import { sendFile } from '../http/send-file.js';
import { RunnerApi, SwaggerPackage } from './runner-api.js';

/** Files of the page, by their names below `docs/`; those of Swagger UI are in its package. */
export const DOCS_FILES = ['swagger-ui.css', 'swagger-ui-bundle.js', 'init.js'] as const;

/** Content security policy: own files only, and the data images of Swagger UI's style. */
const DOCS_PAGE_CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** HTML page with relative paths, since a proxy may add a prefix. */
const DOCS_PAGE = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width" />
    <title>Pipecat runner</title>
    <link rel="icon" href="data:," />
    <link rel="stylesheet" href="docs/swagger-ui.css" />
  </head>
  <body>
    <div id="swagger-ui"></div>
    <script src="docs/swagger-ui-bundle.js"></script>
    <script src="docs/init.js"></script>
  </body>
</html>
`;

/** Script that starts Swagger UI, in its own file since the policy forbids inline scripts. */
const DOCS_INIT = `SwaggerUIBundle({ url: 'openapi.json', dom_id: '#swagger-ui', deepLinking: true });
`;

/** `GET /openapi.json` and `GET /docs`: API documentation of this runner. */
@RunnerController()
@Access('open')
export class OpenApiController {
  constructor(
    private readonly api: RunnerApi,
    private readonly swagger: SwaggerPackage,
    private readonly adapterHost: HttpAdapterHost,
  ) {}

  @Get('openapi.json')
  @ApiRoute({
    summary: 'Returns the OpenAPI document',
    answers: {
      200: { description: 'An OpenAPI 3.1 document.', content: json({ type: 'object' }) },
    },
    errors: ['NOT_FOUND'],
  })
  document(@Req() request: HttpRequest): Promise<object> {
    return this.api.documentFor(request);
  }

  @Get('docs')
  @Header('content-security-policy', DOCS_PAGE_CSP)
  @Header('x-content-type-options', 'nosniff')
  @Header('referrer-policy', 'no-referrer')
  @ApiRoute({
    summary: 'Shows the API documentation in a browser',
    answers: {
      200: {
        description: 'The page, without external resources.',
        content: { 'text/html': { type: 'string' } },
      },
    },
    errors: ['NOT_FOUND'],
  })
  docs(@Res() response: unknown): void {
    // Refuses where Swagger UI is not installed: the page would stay blank.
    void this.swagger.assets;
    replyWith(this.adapterHost, response, 'text/html; charset=utf-8', DOCS_PAGE);
  }

  @Get('docs/:file')
  @Header('x-content-type-options', 'nosniff')
  @ApiRoute({
    summary: 'Returns a file of the documentation page',
    params: { file: { description: 'The file name.', enum: DOCS_FILES } },
    answers: { 200: { description: 'The file.', content: { '*/*': {} } } },
    errors: ['NOT_FOUND'],
  })
  file(
    @Req() request: HttpRequest,
    @Res() response: unknown,
    @Param('file') asked: string | undefined,
  ): void {
    const file = DOCS_FILES.find((name) => name === asked);
    if (!file) throw new RunnerError('NOT_FOUND', 'The page has no such file.');
    if (file === 'init.js') {
      replyWith(this.adapterHost, response, 'text/javascript; charset=utf-8', DOCS_INIT);
      return;
    }
    sendFile(request, response, join(this.swagger.assets, file));
  }
}
