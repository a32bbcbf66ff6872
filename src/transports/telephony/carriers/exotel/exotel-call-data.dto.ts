import { IsOptional, IsString, ValidateBy } from 'class-validator';
import { CallData } from '../../../../bot/call-data.js';
import { WireClass } from '../../../../bot/wire-classes.js';
import { ApiField } from '../../../../validation/api-field.decorator.js';
import { Verbatim } from '../../../../validation/verbatim.decorator.js';

/** Call data from Exotel. */
@WireClass('ExotelCallData')
export class ExotelCallData extends CallData {
  /** Id of the Exotel account. */
  @IsOptional()
  @IsString({ message: 'account_sid must be a string' })
  @ApiField({ required: false, description: 'The id of the Exotel account.' })
  account_sid?: string;

  /** Custom data from the Voicebot applet, as text or as an object. */
  @Verbatim()
  @IsOptional()
  @ValidateBy({
    name: 'isStringOrObject',
    validator: {
      validate: (value) =>
        typeof value === 'string' ||
        (typeof value === 'object' && value !== null && !Array.isArray(value)),
      defaultMessage: () => 'custom_parameters must be a string or an object',
    },
  })
  @ApiField({
    required: false,
    type: Object,
    oneOf: [{ type: 'string' }, { type: 'object', additionalProperties: true }],
    description: 'Custom data from the Voicebot applet, as text or as an object.',
  })
  custom_parameters?: string | Record<string, unknown>;

  constructor(init: Partial<ExotelCallData> = {}) {
    super(init);
  }
}
