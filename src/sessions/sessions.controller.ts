import { Delete, Get, Param, Req } from '@nestjs/common';
import { Access } from '../auth/access.decorator.js';
import { RunnerError } from '../errors/runner.error.js';
import { type HttpRequest, queryOf } from '../http/http-request.js';
import { RunnerController } from '../http/runner-controller.decorator.js';
import { validateInto } from '../validation/validate-into.js';
import { ListSessionsQuery, StopSessionQuery } from './dto/session-queries.dto.js';
import { SessionInfo } from './dto/session-info.dto.js';
import { SessionRegistry } from './session-registry.js';

/** `/sessions`: who is talking, who was, and the way to end it, as in Pipecat Cloud's REST API. */
@RunnerController('sessions')
@Access('manage')
export class SessionsController {
  constructor(private readonly sessions: SessionRegistry) {}

  /** The newest first. */
  @Get()
  list(@Req() request: HttpRequest): { total_count: number; sessions: SessionInfo[] } {
    const { status, limit, offset } = ListSessionsQuery.parse(queryOf(request));
    const found = [
      ...(status === 'ended' ? [] : this.sessions.live),
      ...(status === 'active' ? [] : this.sessions.history.all),
    ].sort((a, b) => b.createdAtMs - a.createdAtMs);
    return {
      total_count: found.length,
      sessions: found.slice(offset, offset + limit).map((session) => SessionInfo.of(session)),
    };
  }

  @Get(':id')
  get(@Param('id') id: string): SessionInfo {
    const session = this.sessions.get(id) ?? this.sessions.history.get(id);
    if (!session) throw new RunnerError('UNKNOWN_SESSION', 'There is no such session.');
    return SessionInfo.of(session);
  }

  /** Stops a session, and answers when it has ended and everything it held is released. */
  @Delete(':id')
  async stop(
    @Req() request: HttpRequest,
    @Param('id') id: string,
  ): Promise<{ status: 'terminated'; session_id: string }> {
    const { reason } = validateInto(StopSessionQuery, queryOf(request));
    const session = this.sessions.require(id);
    await this.sessions.stop(session, 'stopped', reason ?? 'Stopped through the API.');
    return { status: 'terminated', session_id: id };
  }
}
