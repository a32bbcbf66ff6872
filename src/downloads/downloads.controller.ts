import { basename } from 'node:path';
import { Get, Req, Res } from '@nestjs/common';
import { Access } from '../auth/access.decorator.js';
import { ApiRoute } from '../http/api-route.decorator.js';
import { type HttpRequest, restOfUrl } from '../http/http-request.js';
import { RunnerController } from '../http/runner-controller.decorator.js';
import { sendFile } from '../http/send-file.js';
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
    sendFile(request, answer, file, {
      // Never shown in place, for a bot may have saved what a stranger sent.
      'content-disposition': `attachment; filename*=UTF-8''${encodeURIComponent(basename(file))}`,
      'x-content-type-options': 'nosniff',
    });
  }
}
