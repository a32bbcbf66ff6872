import { IsOptional, IsString, MaxLength, MinLength } from 'class-validator';
import { ApiField } from '../../../validation/api-field.decorator.js';
import { IsStringRecord } from '../../../validation/is-string-record.decorator.js';

/**
 * Body of `POST /daily-dialin-webhook`, sent by Daily while an incoming phone or SIP call is on hold.
 *
 * Source: Daily's "SIP Interconnect and pinless PSTN dial-in" guide (docs.daily.co).
 */
export class DialinWebhook {
  /** The caller's number or SIP address. */
  @IsString({ message: "From must be a string: the caller's number" })
  @ApiField({ description: "The caller's number.", example: '+15550001' })
  From!: string;

  /** The called number or SIP address. */
  @IsString({ message: 'To must be a string: the number that was dialled' })
  @ApiField({ description: 'The number that was dialled.', example: '+15550002' })
  To!: string;

  /** Call id, a UUID. */
  @IsString({ message: 'callId must be a string: the UUID of the call' })
  @MinLength(1, { message: 'callId must not be empty' })
  @MaxLength(200, { message: 'callId must have at most 200 characters' })
  @ApiField({ description: 'The call id, a UUID.' })
  callId!: string;

  /** UUID of the Daily domain that received the call. */
  @IsString({ message: 'callDomain must be a string: the UUID of the Daily domain' })
  @ApiField({ description: 'The UUID of the Daily domain that received the call.' })
  callDomain!: string;

  /** The SIP headers of the call. */
  @IsOptional()
  @IsStringRecord()
  @ApiField({
    required: false,
    type: Object,
    additionalProperties: { type: 'string' },
    description: 'The SIP headers of the call.',
  })
  sipHeaders?: Record<string, string>;
}
