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

/** `GET /files/*`: what bots leave for clients, such as recordings. */
@RunnerController('files')
@Access('session')
export class DownloadsController {
  constructor(private readonly downloads: Downloads) {}

  /** Sends a file, or the part of it that is asked for. */
  @Get('*')
  @ApiRoute({
    summary: 'A file of the downloads folder',
    params: { path: { description: 'Where in the folder it is, such as `today/call.wav`.' } },
    answers: {
      200: { description: 'The file.', content: { '*/*': {} } },
      206: { description: 'The part asked for.', content: { '*/*': {} } },
    },
    errors: ['FORBIDDEN', 'NOT_FOUND'],
  })
  async file(@Req() request: HttpRequest, @Res() answer: unknown): Promise<void> {
    const [path = ''] = restOfUrl(request).split('?');
    const file = await this.downloads.find(path.slice(1));
    const response = takeOverResponse(answer);
    // Never shown in place, for a bot may have saved what a stranger sent.
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

/** For a part that the file has not, and the like. */
function refuse(response: ServerResponse, { status = 500, headers }: SendError): void {
  response.removeHeader('content-disposition');
  sendError(response, new HttpException('The file cannot be sent like this.', status), headers);
}
