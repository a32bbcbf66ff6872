import { Get, Header, Req, Res } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { principalOf } from '../../auth/runner-auth.js';
import { Access } from '../../auth/access.decorator.js';
import { START_ERRORS } from '../../errors/runner.error.js';
import { ApiRoute } from '../../http/api-route.decorator.js';
import type { HttpRequest } from '../../http/http-request.js';
import { RunnerController } from '../../http/runner-controller.decorator.js';
import { TransportRegistry } from '../transport-registry.js';
import { DailyTransport } from './daily.transport.js';
import { DailyMeetingTokenProperties } from './dto/daily-meeting-token-properties.dto.js';
import { DailyRoomProperties } from './dto/daily-room-properties.dto.js';

/** `GET /daily`: redirects a browser to a Daily room with a bot. */
@RunnerController('daily')
@Access('start')
export class DailyController {
  constructor(
    private readonly transport: DailyTransport,
    private readonly transports: TransportRegistry,
    private readonly adapterHost: HttpAdapterHost,
  ) {}

  /** Creates a room, starts the bot and redirects the browser to the room. */
  @Get()
  @Header('cache-control', 'no-store')
  @ApiRoute({
    summary: 'Redirects a browser to a Daily room with a bot in it',
    answers: { 307: { description: 'The room, in `Location`.' } },
    errors: START_ERRORS,
    models: [DailyRoomProperties, DailyMeetingTokenProperties],
  })
  async meet(@Req() request: HttpRequest, @Res() response: unknown): Promise<void> {
    this.transports.require('daily');
    const { roomUrl } = await this.transport.startPlain(principalOf(request));
    this.adapterHost.httpAdapter.redirect(response, 307, roomUrl);
  }
}
