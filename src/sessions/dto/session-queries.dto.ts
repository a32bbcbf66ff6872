import { IsIn, IsInt, IsOptional, Matches, Max, Min } from 'class-validator';
import type { ApiRouteOptions } from '../../http/api-route.decorator.js';
import { validateInto } from '../../validation/validate-into.js';

const STATUSES = ['active', 'ended', 'all'] as const;
const MAX_LIMIT = 100;
const DEFAULT_LIMIT = 10;

/** The query of `GET /sessions`, with the names and defaults of Pipecat Cloud's REST API. */
export class ListSessionsQuery {
  /** Those that have not ended, or those that have. */
  @IsIn(STATUSES, { message: `status must be one of ${STATUSES.join(', ')}` })
  status: (typeof STATUSES)[number] = 'all';

  /** The most sessions of a page. */
  @IsInt({ message: `limit must be a whole number from 1 to ${MAX_LIMIT}` })
  @Min(1, { message: `limit must be a whole number from 1 to ${MAX_LIMIT}` })
  @Max(MAX_LIMIT, { message: `limit must be a whole number from 1 to ${MAX_LIMIT}` })
  limit = DEFAULT_LIMIT;

  /** The number of the newest that are left out. */
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

/** The same for the document. */
export const LIST_SESSIONS_QUERY: ApiRouteOptions['query'] = {
  status: {
    description: 'Which sessions.',
    schema: { type: 'string', enum: STATUSES, default: 'all' },
  },
  limit: {
    description: 'How many at most.',
    schema: { type: 'integer', minimum: 1, maximum: MAX_LIMIT, default: DEFAULT_LIMIT },
  },
  offset: {
    description: 'How many of the newest are left out.',
    schema: { type: 'integer', minimum: 0, default: 0 },
  },
};

/** The query of `DELETE /sessions/:id`. */
export class StopSessionQuery {
  /** The message of the reason of the bot's signal. */
  @IsOptional()
  // It may end up in a log.
  @Matches(/^[^\p{Cc}\u2028\u2029]{1,120}$/u, {
    message: 'reason must be 1 to 120 characters without line breaks',
  })
  reason?: string;
}

/** Text that is no whole number stays as it is, for the rules to refuse. */
const wholeNumber = (text: string | undefined): number | string | undefined =>
  text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : text;
