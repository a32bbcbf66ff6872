import { Delete, Get, Param, Req } from '@nestjs/common';
import { Access } from '../auth/access.decorator.js';
import { SessionEnd } from '../bot/session-end.js';
import { Fleet } from '../fleet/fleet.js';
import { ApiRoute, json } from '../http/api-route.decorator.js';
import { RunnerError } from '../errors/runner.error.js';
import { OfSession, RunnerController } from '../http/runner-controller.decorator.js';
import { RunnerRequest } from '../http/runner-request.js';
import { validateInto } from '../validation/validate-into.js';
import {
  LIST_SESSIONS_QUERY,
  ListSessionsQuery,
  StopSessionQuery,
  SessionInfo,
  SessionList,
  StopAnswer,
} from './dto/sessions.dto.js';
import { SessionRegistry } from './session-registry.js';

const ID = { id: { description: 'The session id.' } };

/** `/sessions`: lists, inspects and stops sessions, like Pipecat Cloud's REST API. */
@RunnerController('sessions')
@Access('manage')
export class SessionsController {
  constructor(
    private readonly sessions: SessionRegistry,
    private readonly fleet: Fleet,
  ) {}

  /** Lists sessions, the newest first. */
  @Get()
  @ApiRoute({
    summary: 'Lists sessions, the newest first',
    query: LIST_SESSIONS_QUERY,
    answers: { 200: { description: 'A page of sessions.', content: json(SessionList) } },
    errors: ['INVALID_FIELDS'],
  })
  async list(@Req() { query }: RunnerRequest): Promise<SessionList> {
    const filter = ListSessionsQuery.parse(query);
    const { limit, offset } = filter;
    const found = [...(await this.fleet.list(this.sessions.live))]
      .filter((session) => filter.selects(session))
      .sort((a, b) => b.createdAtMs - a.createdAtMs);
    return {
      total_count: found.length,
      sessions: found.slice(offset, offset + limit).map((session) => SessionInfo.of(session)),
    };
  }

  @Get(':id')
  @ApiRoute({
    summary: 'Returns a session, also after its end',
    params: ID,
    answers: { 200: { description: 'The session.', content: json(SessionInfo) } },
    errors: ['UNKNOWN_SESSION'],
  })
  async get(@Param('id') id: string): Promise<SessionInfo> {
    const session = await this.fleet.find(id, this.sessions.get(id));
    if (!session) throw new RunnerError('UNKNOWN_SESSION', 'There is no such session.');
    return SessionInfo.of(session);
  }

  /** Stops a session, and answers when it has ended and its cleanups are done. */
  @Delete(':id')
  @OfSession()
  @ApiRoute({
    summary: 'Stops a session',
    params: ID,
    query: {
      reason: {
        description: "The message of the bot's signal.reason, at most 120 characters.",
      },
    },
    answers: { 200: { description: 'The session has ended.', content: json(StopAnswer) } },
    errors: ['INVALID_FIELDS', 'UNKNOWN_SESSION', 'DRAINING'],
  })
  async stop(@Req() { query }: RunnerRequest, @Param('id') id: string): Promise<StopAnswer> {
    const { reason } = validateInto(StopSessionQuery, query);
    await this.sessions.end(id, new SessionEnd('stopped', reason ?? 'Stopped through the API.'));
    return { status: 'terminated', session_id: id };
  }
}
