import { basename, dirname } from 'node:path';
import type { ServerResponse } from 'node:http';
import { Get, HttpException, Req, Res } from '@nestjs/common';
import send from 'send';
import { Access } from '../auth/access.decorator.js';
import { ApiRoute } from '../http/api-route.decorator.js';
import { type HttpRequest, nodeRequest, restOfUrl } from '../http/http-request.js';
import { sendError, takeOverResponse } from '../http/http-response.js';
import { RunnerController } from '../http/runner-controller.decorator.js';
import { Downloads } from './downloads.js';

/** `GET /files/*`: downloads, such as recordings of bots. */
@RunnerController('files')
@Access('session')
export class DownloadsController {
  constructor(private readonly downloads: Downloads) {}

  /** Sends a file, with support for range requests. */
  @Get('*')
  @ApiRoute({
    summary: 'A file of the downloads folder',
    params: { path: { description: 'Path in the folder, such as `today/call.wav`.' } },
    answers: {
      200: { description: 'The file.', content: { '*/*': {} } },
      206: { description: 'The requested range.', content: { '*/*': {} } },
    },
    errors: ['FORBIDDEN', 'NOT_FOUND'],
  })
  async file(@Req() request: HttpRequest, @Res() answer: unknown): Promise<void> {
    const [path = ''] = restOfUrl(request).split('?');
    const file = await this.downloads.find(path.slice(1));
    const response = takeOverResponse(answer);
    // Never inline, because a bot may have saved what a client sent.
    response.setHeader(
      'content-disposition',
      `attachment; filename*=UTF-8''${encodeURIComponent(basename(file))}`,
    );
    response.setHeader('x-content-type-options', 'nosniff');
    void send(nodeRequest(request), encodeURIComponent(basename(file)), {
      root: dirname(file),
      index: false,
      dotfiles: 'allow',
      cacheControl: false,
    })
      .on('error', (error: SendError) => refuse(response, error))
      .pipe(response);
  }
}

type SendError = Error & { readonly status?: number; readonly headers?: Record<string, string> };

/** Answers errors of `send`, such as an unsatisfiable range. */
function refuse(response: ServerResponse, { status = 500, headers }: SendError): void {
  response.removeHeader('content-disposition');
  sendError(response, new HttpException('The file cannot be sent like this.', status), headers);
}
