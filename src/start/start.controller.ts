import { Get, HttpCode, Post, Req, Res } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { Access } from '../auth/access.decorator.js';
import { START_ERRORS } from '../errors/runner.error.js';
import { ApiRoute, json } from '../http/api-route.decorator.js';
import { PublicUrls } from '../http/public-url.js';
import { OpensAnywhere, RunnerController } from '../http/runner-controller.decorator.js';
import { RunnerRequest } from '../http/runner-request.js';
import { RunnerReadiness } from '../sessions/runner-readiness.js';
import { SessionStarter } from '../transports/session-starter.js';
import { TransportRegistry } from '../transports/transport-registry.js';
import { StartAnswer } from './dto/start-answer.dto.js';
import { StartRequest } from './dto/start-request.dto.js';
import { StatusAnswer } from './dto/status-answer.dto.js';

/** `POST /start` and `GET /status`, the entry points of clients. */
@RunnerController()
export class StartController {
  constructor(
    private readonly starter: SessionStarter,
    private readonly transports: TransportRegistry,
    private readonly readiness: RunnerReadiness,
    private readonly publicUrls: PublicUrls,
    private readonly adapterHost: HttpAdapterHost,
  ) {}

  /** Opens a session on the requested transport and returns its connection data. Malformed JSON counts as `{}`. */
  @Post('start')
  @Access('start')
  @OpensAnywhere()
  @HttpCode(200)
  @ApiRoute({
    summary: 'Opens a session, and says how to reach it',
    description:
      'Where the transport is a room, the bot starts at once; otherwise when its client connects. Malformed JSON counts as empty. The session id is in the header X-Session-Id.',
    body: json(StartRequest),
    answers: { 200: { description: 'The session is open.', content: json(StartAnswer) } },
    errors: ['INVALID_FIELDS', ...START_ERRORS],
  })
  start(
    @Req() request: RunnerRequest,
    @Res({ passthrough: true }) response: unknown,
  ): Promise<StartAnswer> {
    return this.starter.start(
      request.bodyOr({}),
      {
        principal: request.principal,
        baseUrl: () => this.publicUrls.of(request),
        client: request.socket,
      },
      ({ context: { session }, answer, fileUploadUrl }) => {
        const { httpAdapter } = this.adapterHost;
        httpAdapter.setHeader(response, 'x-session-id', session.id);
        if (fileUploadUrl !== undefined) {
          httpAdapter.setHeader(response, 'x-file-upload-url', fileUploadUrl);
        }
        return answer;
      },
    );
  }

  /** Lists the transports that this instance accepts now. */
  @Get('status')
  @Access('open')
  @ApiRoute({
    summary: 'Lists the transports that this instance accepts',
    answers: { 200: { description: 'It is up.', content: json(StatusAnswer) } },
  })
  status(): StatusAnswer {
    const { status, isReady } = this.readiness;
    return { status, transports: isReady ? this.transports.accepted : [] };
  }
}
