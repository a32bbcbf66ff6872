import { IsOptional, IsString } from 'class-validator';
import { assignDefined } from '../../../bot/call-data.js';
import type { Init } from '../../../bot/runner-arguments.js';
import { ApiField } from '../../../validation/api-field.decorator.js';
import { IsStringRecord } from '../../../validation/is-string-record.decorator.js';

/** A phone call as Daily's webhook (and Pipecat Cloud's) describes it. */
export class DialinSettings {
  /** Call id, a UUID: the session in Daily's SIP network. */
  @IsString({ message: 'call_id must be a string: the UUID of the call' })
  @ApiField({ description: "The call id, a UUID: the session in Daily's SIP network." })
  call_id!: string;

  /** UUID of the Daily domain that received the call. */
  @IsString({ message: 'call_domain must be a string: the UUID of the Daily domain' })
  @ApiField({ description: 'The UUID of the Daily domain that received the call.' })
  call_domain!: string;

  /** The number that was dialled. */
  @IsOptional()
  @IsString({ message: 'To must be a string: the number that was dialled' })
  @ApiField({ required: false, description: 'The number that was dialled.', example: '+15550002' })
  To?: string;

  /** The caller's number. */
  @IsOptional()
  @IsString({ message: "From must be a string: the caller's number" })
  @ApiField({ required: false, description: "The caller's number.", example: '+15550001' })
  From?: string;

  /** The SIP headers of the call. */
  @IsOptional()
  @IsStringRecord()
  @ApiField({
    required: false,
    type: Object,
    additionalProperties: { type: 'string' },
    description: 'The SIP headers of the call.',
  })
  sip_headers?: Record<string, string>;

  constructor(init?: Init<DialinSettings, 'call_id' | 'call_domain'>) {
    assignDefined(this, init ?? {});
  }
}
