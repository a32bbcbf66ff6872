import { Get, HttpCode, Inject, Post, Req, Res } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { Access } from '../auth/access.decorator.js';
import { callerOf } from '../auth/caller.js';
import { START_ERRORS } from '../errors/runner.error.js';
import { ApiRoute, json } from '../http/api-route.decorator.js';
import { type HttpRequest, nodeRequest } from '../http/http-request.js';
import { PublicUrls } from '../http/public-url.js';
import { bodyOf } from '../http/request-body.js';
import { RunnerController } from '../http/runner-controller.decorator.js';
import { validateInto } from '../validation/validate-into.js';
import { type ResolvedRunnerOptions, RUNNER_OPTIONS } from '../runner.options.js';
import { RunnerReadiness } from '../sessions/runner-readiness.js';
import { SessionRegistry } from '../sessions/session-registry.js';
import { TransportRegistry } from '../transports/transport-registry.js';
import { StartAnswer } from './dto/start-answer.dto.js';
import { StartRequest } from './dto/start-request.dto.js';
import { StatusAnswer } from './dto/status-answer.dto.js';

/** `POST /start` and `GET /status`: what every client calls first. */
@RunnerController()
export class StartController {
  constructor(
    @Inject(RUNNER_OPTIONS) private readonly options: ResolvedRunnerOptions,
    private readonly transports: TransportRegistry,
    private readonly sessions: SessionRegistry,
    private readonly readiness: RunnerReadiness,
    private readonly publicUrls: PublicUrls,
    private readonly adapterHost: HttpAdapterHost,
  ) {}

  /** Opens a session on the transport asked for, and says how to reach it. Malformed JSON counts as `{}`. */
  @Post('start')
  @Access('start')
  @HttpCode(200)
  @ApiRoute({
    summary: 'Opens a session, and says how to reach it',
    description:
      'Where the transport is a room, the bot starts at once; otherwise when its caller connects. Malformed JSON counts as empty.',
    body: json(StartRequest),
    answers: { 200: { description: 'The session is open.', content: json(StartAnswer) } },
    errors: ['INVALID_FIELDS', ...START_ERRORS],
  })
  async start(
    @Req() httpRequest: HttpRequest,
    @Res({ passthrough: true }) response: unknown,
  ): Promise<StartAnswer> {
    try {
      const request = validateInto(StartRequest, bodyOf(httpRequest, {}));
      const name =
        request.transport ??
        (request.createDailyRoom ? 'daily' : undefined) ??
        this.options.onlyTransport ??
        this.options.defaultTransport ??
        this.transports.onlyOne ??
        'webrtc';
      const transport = this.transports.require(name);
      return await this.sessions.start(
        { transport: name, body: request.body, caller: callerOf(httpRequest) },
        (session) => {
          const baseUrl = this.publicUrls.of(httpRequest);
          const answer = transport.start({ name, session, request, baseUrl });
          const withId = (more: Record<string, unknown>) => {
            this.adapterHost.httpAdapter.setHeader(response, 'x-session-id', session.id);
            return { sessionId: session.id, ...more };
          };
          return answer instanceof Promise ? answer.then(withId) : withId(answer);
        },
        nodeRequest(httpRequest).socket,
      );
    } catch (error) {
      throw this.sessions.observers.refused(error);
    }
  }

  /** What this instance accepts right now. */
  @Get('status')
  @Access('open')
  @ApiRoute({
    summary: 'Tells what this instance accepts',
    answers: { 200: { description: 'It is up.', content: json(StatusAnswer) } },
  })
  status(): StatusAnswer {
    const { status, isReady } = this.readiness;
    return { status, transports: isReady ? this.transports.accepted : [] };
  }
}
