import { IsIn, IsInt, IsOptional, Matches, Max, Min } from 'class-validator';
import type { ApiRouteOptions } from '../../http/api-route.decorator.js';
import { validateInto } from '../../validation/validate-into.js';

const STATUSES = ['active', 'ended', 'all'] as const;
const MAX_LIMIT = 100;
const DEFAULT_LIMIT = 10;

/** Query of `GET /sessions`, with the names and defaults of Pipecat Cloud's REST API. */
export class ListSessionsQuery {
  /** Filter: active or ended sessions. */
  @IsIn(STATUSES, { message: `status must be one of ${STATUSES.join(', ')}` })
  status: (typeof STATUSES)[number] = 'all';

  /** Page size. */
  @IsInt({ message: `limit must be a whole number from 1 to ${MAX_LIMIT}` })
  @Min(1, { message: `limit must be a whole number from 1 to ${MAX_LIMIT}` })
  @Max(MAX_LIMIT, { message: `limit must be a whole number from 1 to ${MAX_LIMIT}` })
  limit = DEFAULT_LIMIT;

  /** Number of newest sessions to skip. */
  @IsInt({ message: 'offset must be a whole number, 0 or more' })
  @Min(0, { message: 'offset must be a whole number, 0 or more' })
  offset = 0;

  /** @throws {InvalidFieldsError} */
  static parse({ limit, offset, ...query }: Record<string, string>): ListSessionsQuery {
    return validateInto(ListSessionsQuery, {
      ...query,
      limit: wholeNumber(limit),
      offset: wholeNumber(offset),
    });
  }
}

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
  text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : text;
