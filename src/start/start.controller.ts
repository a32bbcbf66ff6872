import { Get, HttpCode, Inject, Post, Req } from '@nestjs/common';
import type { HttpRequest } from '../http/http-request.js';
import { PublicUrls } from '../http/public-url.js';
import { bodyOf } from '../http/request-body.js';
import { RunnerController } from '../http/runner-controller.decorator.js';
import { validateInto } from '../validation/validate-into.js';
import { type ResolvedRunnerOptions, RUNNER_OPTIONS } from '../runner.options.js';
import { SessionRegistry } from '../sessions/session-registry.js';
import { TransportRegistry } from '../transports/transport-registry.js';
import { StartRequest } from './dto/start-request.dto.js';

/** `POST /start` and `GET /status`: what every client calls first. */
@RunnerController()
export class StartController {
  constructor(
    @Inject(RUNNER_OPTIONS) private readonly options: ResolvedRunnerOptions,
    private readonly transports: TransportRegistry,
    private readonly sessions: SessionRegistry,
    private readonly publicUrls: PublicUrls,
  ) {}

  /** Opens a session on the transport asked for, and says how to reach it. Malformed JSON counts as `{}`. */
  @Post('start')
  @HttpCode(200)
  async start(@Req() httpRequest: HttpRequest): Promise<Record<string, unknown>> {
    try {
      const request = validateInto(StartRequest, bodyOf(httpRequest, {}));
      const name =
        request.transport ??
        (request.createDailyRoom ? 'daily' : undefined) ??
        this.options.onlyTransport ??
        this.options.defaultTransport;
      const transport = this.transports.require(name);
      return await this.sessions.start(
        { transport: name, body: request.body },
        async (session) => ({
          sessionId: session.id,
          ...(await transport.start({
            name,
            session,
            request,
            baseUrl: this.publicUrls.of(httpRequest),
          })),
        }),
      );
    } catch (error) {
      throw this.sessions.observers.refused(error);
    }
  }

  /** What this instance accepts right now. */
  @Get('status')
  status(): { status: 'ready'; transports: string[] } {
    return { status: 'ready', transports: this.transports.accepted };
  }
}
