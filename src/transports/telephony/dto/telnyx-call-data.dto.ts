import { IsOptional, IsString } from 'class-validator';
import { CallData } from '../../../bot/call-data.js';
import { WireClass } from '../../../bot/wire-classes.js';
import { ApiField } from '../../../validation/api-field.decorator.js';

/** A call from Telnyx. */
@WireClass('TelnyxCallData')
export class TelnyxCallData extends CallData {
  /** The codec of the audio to send back: `PCMU`, `PCMA`, … */
  @IsOptional()
  @IsString({ message: 'outbound_encoding must be a string' })
  @ApiField({
    required: false,
    example: 'PCMU',
    description: 'The codec of the audio to send back.',
  })
  outbound_encoding?: string;

  constructor(init: Partial<TelnyxCallData> = {}) {
    super(init);
  }
}
