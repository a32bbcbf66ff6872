import { HttpCode, Param, Post, Req } from '@nestjs/common';
import { Access } from '../auth/access.decorator.js';
import { ApiRoute, type ApiRouteOptions, json } from '../http/api-route.decorator.js';
import { OfSession, RunnerController, StreamsBody } from '../http/runner-controller.decorator.js';
import { RunnerRequest } from '../http/runner-request.js';
import { SessionRegistry } from '../sessions/session-registry.js';
import { UploadedFile } from './dto/uploaded-file.dto.js';
import { UPLOAD_ERRORS, Uploads } from './uploads.js';

const FORM = {
  body: {
    'multipart/form-data': {
      type: 'object',
      required: ['file'],
      properties: { file: { type: 'string', format: 'binary' } },
    },
  },
  answers: { 200: { description: 'The file is stored.', content: json(UploadedFile) } },
} satisfies Partial<ApiRouteOptions>;

/** `POST /sessions/:id/files`: uploads that are deleted with their session, like Pipecat Cloud's. */
@RunnerController('sessions/:id/files')
@Access('session')
export class SessionFilesController {
  constructor(
    private readonly uploads: Uploads,
    private readonly sessions: SessionRegistry,
  ) {}

  /** Stores the field `file` of a form. */
  @Post()
  @HttpCode(200)
  @StreamsBody('unlimited')
  @OfSession()
  @ApiRoute({
    ...FORM,
    summary: 'Uploads a file for the bot of a session',
    params: { id: { description: 'The session id.' } },
    errors: [...UPLOAD_ERRORS, 'UNKNOWN_SESSION', 'WRONG_STATE', 'DRAINING'],
  })
  upload(@Req() request: RunnerRequest, @Param('id') id: string): Promise<UploadedFile> {
    return this.uploads.receive(request, this.sessions.require(id, request.principal));
  }
}

/** `POST /files`: uploads without a session, of which the newest are kept. */
@RunnerController('files')
@Access('session')
export class FilesController {
  constructor(private readonly uploads: Uploads) {}

  /** Stores the field `file` of a form. */
  @Post()
  @HttpCode(200)
  @StreamsBody('unlimited')
  @ApiRoute({ ...FORM, summary: 'Uploads a file for a bot', errors: UPLOAD_ERRORS })
  upload(@Req() request: RunnerRequest): Promise<UploadedFile> {
    return this.uploads.receive(request);
  }
}
