import type { SessionEndCode } from '../../bot/session-end.js';
import { ApiField } from '../../validation/api-field.decorator.js';
import type { ListedSession } from '../session-registry.js';
import type { SessionState } from '../session-state.js';
import { IsIn, IsInt, IsOptional, Matches, Max, Min } from 'class-validator';
import type { ApiRouteOptions } from '../../http/api-route.decorator.js';
import { applyDecorators } from '../../validation/apply-decorators.js';
import { InvalidFieldsError } from '../../validation/invalid-fields.error.js';
import { validateInto } from '../../validation/validate-into.js';

/** Pipecat Cloud's `completionStatus` of each end. Documented are the first three, "among others"; elsewhere our own code is used, in capitals. */
const COMPLETION_STATUS: Record<SessionEndCode, string> = {
  completed: 'HTTP_COMPLETED',
  peer_left: 'WS_CONNECTION_CLOSED',
  failed: 'HTTP_ERROR',
  start_failed: 'HTTP_ERROR',
  not_ready: 'HTTP_ERROR',
  peer_error: 'HTTP_ERROR',
  stopped: 'STOPPED',
  expired: 'EXPIRED',
  too_long: 'TOO_LONG',
  draining: 'DRAINING',
  lost: 'HTTP_ERROR',
};

/** Session in `GET /sessions`: available fields of Pipecat Cloud's REST API, and three of our own. */
export class SessionInfo {
  @ApiField({ description: 'The session id from `POST /start`.' })
  sessionId!: string;

  @ApiField({ description: 'The wire name of the transport.', example: 'websocket' })
  transport!: string;

  @ApiField({
    description: 'The state: `pending` waits for its client, `launching` for its bot.',
    type: String,
    enum: ['pending', 'launching', 'running', 'ended'],
  })
  state!: SessionState['name'];

  @ApiField({ description: 'The time of its opening.', format: 'date-time' })
  createdAt!: string;

  @ApiField({ description: 'The time of the last state change.', format: 'date-time' })
  updatedAt!: string;

  @ApiField({
    description: 'The time of its end.',
    type: String,
    format: 'date-time',
    nullable: true,
  })
  endedAt!: string | null;

  @ApiField({
    description: 'The end, as a completion status of Pipecat Cloud.',
    type: String,
    nullable: true,
    example: 'HTTP_COMPLETED',
  })
  completionStatus!: string | null;

  @ApiField({
    description: 'The code of its end: `signal.reason.code`.',
    type: String,
    nullable: true,
    enum: Object.keys(COMPLETION_STATUS),
  })
  endReason!: SessionEndCode | null;

  @ApiField({
    description: 'Whole seconds from the launch of the bot until it was ready.',
    type: Number,
    nullable: true,
  })
  botStartSeconds!: number | null;

  static of(session: ListedSession): SessionInfo {
    const { id, transport, createdAtMs, botStartMs, state } = session;
    const ended = state.name === 'ended';
    const updatedAtMs = ended ? state.atMs : state.name === 'pending' ? createdAtMs : state.sinceMs;
    const endReason = ended ? state.reason.code : null;
    return Object.assign(new SessionInfo(), {
      sessionId: id,
      transport,
      state: state.name,
      createdAt: isoTime(createdAtMs),
      updatedAt: isoTime(updatedAtMs),
      endedAt: ended ? isoTime(state.atMs) : null,
      completionStatus: endReason && COMPLETION_STATUS[endReason],
      endReason,
      botStartSeconds: botStartMs === undefined ? null : Math.round(botStartMs / 1_000),
    });
  }
}

const isoTime = (ms: number): string => new Date(ms).toISOString();

const STATUSES = ['active', 'ended', 'all'] as const;
const MAX_LIMIT = 100;
const DEFAULT_LIMIT = 10;

/** Filters of Pipecat Cloud that the runner does not have. */
const UNSUPPORTED: Readonly<Record<string, string>> = {
  deploymentId: 'must be left out: a runner has no deployments',
};

/** A whole number within the bounds. */
const WholeNumber = (min: number, max: number, accepted: string): PropertyDecorator => {
  const message = `$property must be a whole number, ${accepted}`;
  return applyDecorators(IsInt({ message }), Min(min, { message }), Max(max, { message }));
};

const UNIX_SECONDS = 'a Unix timestamp in seconds';
const LATEST_SECONDS = 99_999_999_999;

/** Query of `GET /sessions`, with the names and defaults of Pipecat Cloud's REST API. */
export class ListSessionsQuery {
  /** Filter: active or ended sessions. */
  @IsIn(STATUSES, { message: `status must be one of ${STATUSES.join(', ')}` })
  status: (typeof STATUSES)[number] = 'all';

  /** Page size. */
  @WholeNumber(1, MAX_LIMIT, `1 to ${MAX_LIMIT}`)
  limit = DEFAULT_LIMIT;

  /** Number of newest sessions to skip. */
  @WholeNumber(0, Number.MAX_SAFE_INTEGER, '0 or more')
  offset = 0;

  /** Filter: created at this time or later. */
  @WholeNumber(0, LATEST_SECONDS, UNIX_SECONDS)
  startTime = 0;

  /** Filter: created at this time or earlier. */
  @WholeNumber(0, LATEST_SECONDS, UNIX_SECONDS)
  endTime = LATEST_SECONDS;

  /** Filter: cold or warm starts, which the runner does not tell apart. */
  @IsIn(['all'], { message: 'startType must be all: cold and warm starts are not told apart' })
  startType = 'all';

  /** Filter: `botStartSeconds` above this; 0 does not filter. */
  @WholeNumber(0, LATEST_SECONDS, '0 or more')
  startTimeMin = 0;

  /** Filter: `botStartSeconds` below this; 0 does not filter. */
  @WholeNumber(0, LATEST_SECONDS, '0 or more')
  startTimeMax = 0;

  /** @throws {InvalidFieldsError} also for a filter that there is not, which would otherwise list everything */
  static parse(query: Record<string, string>): ListSessionsQuery {
    const known = Object.keys(new ListSessionsQuery());
    const errors = Object.keys(query)
      .filter((field) => !known.includes(field))
      .map((field) => ({
        field: field.slice(0, 40),
        message: Object.hasOwn(UNSUPPORTED, field)
          ? UNSUPPORTED[field]!
          : `is no filter; there are ${known.join(', ')}`,
      }));
    if (errors.length > 0) throw new InvalidFieldsError(errors.slice(0, MAX_PROBLEMS));
    return validateInto(
      ListSessionsQuery,
      Object.fromEntries(
        Object.entries(query).map(([field, text]) => [
          field,
          TEXTS.includes(field) ? text : wholeNumber(text),
        ]),
      ),
    );
  }

  /** True for a session that the filters select. */
  selects({ createdAtMs, botStartMs, state }: ListedSession): boolean {
    const startSeconds = botStartMs === undefined ? undefined : Math.round(botStartMs / 1_000);
    return (
      (this.status === 'all' || (state.name === 'ended') === (this.status === 'ended')) &&
      createdAtMs >= this.startTime * 1_000 &&
      createdAtMs < (this.endTime + 1) * 1_000 &&
      (this.startTimeMin === 0 || (startSeconds ?? -1) > this.startTimeMin) &&
      (this.startTimeMax === 0 || (startSeconds ?? Infinity) < this.startTimeMax)
    );
  }
}

/** Filters that are no numbers. */
const TEXTS: readonly string[] = ['status', 'startType'];
/** Limit of the problems that an answer names. */
const MAX_PROBLEMS = 10;

const unixSeconds = (description: string) => ({
  description: `${description}, in Unix seconds.`,
  schema: { type: 'integer', minimum: 0 },
});
const startSeconds = (description: string) => ({
  description: `${description}; 0 does not filter.`,
  schema: { type: 'integer', minimum: 0, default: 0 },
});

/** OpenAPI documentation of the query. */
export const LIST_SESSIONS_QUERY: ApiRouteOptions['query'] = {
  status: {
    description: 'Filter by status.',
    schema: { type: 'string', enum: STATUSES, default: 'all' },
  },
  limit: {
    description: 'The page size.',
    schema: { type: 'integer', minimum: 1, maximum: MAX_LIMIT, default: DEFAULT_LIMIT },
  },
  offset: {
    description: 'The number of newest sessions to skip.',
    schema: { type: 'integer', minimum: 0, default: 0 },
  },
  startTime: unixSeconds('Sessions created at this time or later'),
  endTime: unixSeconds('Sessions created at this time or earlier'),
  startType: {
    description: 'Only `all`: cold and warm starts are not told apart.',
    schema: { type: 'string', enum: ['all'], default: 'all' },
  },
  startTimeMin: startSeconds('Sessions with more `botStartSeconds` than this'),
  startTimeMax: startSeconds('Sessions with fewer `botStartSeconds` than this'),
};

/** Query of `DELETE /sessions/:id`. */
export class StopSessionQuery {
  /** Message of the bot's `signal.reason`. */
  @IsOptional()
  // Printable, since it may be logged.
  @Matches(/^[^\p{Cc}\u2028\u2029]{1,120}$/u, {
    message: 'reason must be 1 to 120 characters without line breaks',
  })
  reason?: string;
}

/** Parses a whole number; other text is kept for the validation to refuse. */
const wholeNumber = (text: string | undefined): number | string | undefined =>
  text !== undefined && /^\d{1,12}$/.test(text) ? Number(text) : text;

/** Answer of `GET /sessions`. */
export class SessionList {
  @ApiField({ type: Number, description: 'The total number of sessions, beside the page shown.' })
  total_count!: number;

  @ApiField({ type: () => SessionInfo, isArray: true, description: 'The sessions of the page.' })
  sessions!: SessionInfo[];
}

/** Answer of `DELETE /sessions/:id`. */
export class StopAnswer {
  @ApiField({ type: String, enum: ['terminated'], description: 'The session has ended.' })
  status!: 'terminated';

  @ApiField({ type: String, description: 'The session id.' })
  session_id!: string;
}
