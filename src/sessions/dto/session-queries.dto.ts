import { IsIn, IsInt, IsOptional, Matches, Max, Min } from 'class-validator';
import { ApiField } from '../../validation/api-field.decorator.js';
import { validateInto } from '../../validation/validate-into.js';

const STATUSES = ['active', 'ended', 'all'] as const;
const MAX_LIMIT = 100;

/** What `GET /sessions` takes, with the names and defaults of Pipecat Cloud's REST API. */
export class ListSessionsQuery {
  /** Only those that have not ended, or only those that have. */
  @IsIn(STATUSES, { message: `status must be one of ${STATUSES.join(', ')}` })
  @ApiField({ required: false, enum: STATUSES, default: 'all', description: 'Which sessions.' })
  status: (typeof STATUSES)[number] = 'all';

  /** How many at most. */
  @IsInt({ message: `limit must be a whole number from 1 to ${MAX_LIMIT}` })
  @Min(1, { message: `limit must be a whole number from 1 to ${MAX_LIMIT}` })
  @Max(MAX_LIMIT, { message: `limit must be a whole number from 1 to ${MAX_LIMIT}` })
  @ApiField({ required: false, type: Number, default: 10, description: 'How many at most.' })
  limit = 10;

  /** How many of the newest are left out. */
  @IsInt({ message: 'offset must be a whole number, 0 or more' })
  @Min(0, { message: 'offset must be a whole number, 0 or more' })
  @ApiField({
    required: false,
    type: Number,
    default: 0,
    description: 'How many of the newest are left out.',
  })
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

/** What `DELETE /sessions/:id` takes. */
export class StopSessionQuery {
  /** What the bot is told, as the message of its signal's reason. */
  @IsOptional()
  // eslint-disable-next-line no-control-regex -- it may end up in a log
  @Matches(/^[^\x00-\x1f\x7f]{1,120}$/, {
    message: 'reason must be 1 to 120 characters without line breaks',
  })
  @ApiField({ required: false, type: String, description: 'What the bot is told.' })
  reason?: string;
}

/** Text that is no whole number stays as it is, for the rules to refuse. */
const wholeNumber = (text: string | undefined): number | string | undefined =>
  text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : text;
