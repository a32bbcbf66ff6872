import { IsOptional, IsString } from 'class-validator';
import { CallData } from '../../../../bot/call-data.js';
import { WireClass } from '../../../../bot/wire-classes.js';
import { ApiField } from '../../../../validation/api-field.decorator.js';

/** Call data from Telnyx. */
@WireClass('TelnyxCallData')
export class TelnyxCallData extends CallData {
  /** Codec of the audio from Telnyx: `PCMU`, `PCMA`, … Named from Telnyx's side, as in Pipecat. */
  @IsOptional()
  @IsString({ message: 'outbound_encoding must be a string' })
  @ApiField({
    required: false,
    example: 'PCMU',
    description: 'The codec of the audio from Telnyx.',
  })
  outbound_encoding?: string;

  /** Codec of the audio to Telnyx. */
  @IsOptional()
  @IsString({ message: 'inbound_encoding must be a string' })
  @ApiField({
    required: false,
    example: 'PCMU',
    description: 'The codec of the audio to Telnyx.',
  })
  inbound_encoding?: string;

  constructor(init: Partial<TelnyxCallData> = {}) {
    super(init);
  }
}
