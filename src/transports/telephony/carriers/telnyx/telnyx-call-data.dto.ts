import { IsOptional, IsString } from 'class-validator';
import { CallData } from '../../../../bot/call-data.js';
import { WireClass } from '../../../../bot/wire-classes.js';
import { ApiField } from '../../../../validation/api-field.decorator.js';

/** A call from Telnyx. */
@WireClass('TelnyxCallData')
export class TelnyxCallData extends CallData {
  /** The codec of the audio that comes from Telnyx: `PCMU`, `PCMA`, … Named, as in Pipecat, from Telnyx's side. */
  @IsOptional()
  @IsString({ message: 'outbound_encoding must be a string' })
  @ApiField({
    required: false,
    example: 'PCMU',
    description: 'The codec of the audio that comes from Telnyx.',
  })
  outbound_encoding?: string;

  /** The codec of the audio that Telnyx takes. */
  @IsOptional()
  @IsString({ message: 'inbound_encoding must be a string' })
  @ApiField({
    required: false,
    example: 'PCMU',
    description: 'The codec of the audio that Telnyx takes.',
  })
  inbound_encoding?: string;

  constructor(init: Partial<TelnyxCallData> = {}) {
    super(init);
  }
}
