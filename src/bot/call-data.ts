import { IsObject, IsOptional, IsString } from 'class-validator';
import { ApiField } from '../validation/api-field.decorator.js';
import { KeepsUnknownKeys } from '../validation/field-traits.js';
import { IsStringRecord } from '../validation/is-string-record.decorator.js';
import { WireClass } from './wire-classes.js';
import { Verbatim } from '../validation/verbatim.decorator.js';

/**
 * The data of a call from the first messages of its carrier, in the same words for every carrier. Keys that only one carrier
 * sends are kept beside the ones named here.
 */
@WireClass('CallData')
@KeepsUnknownKeys()
export class CallData {
  /** The carrier's id of the media stream, which goes into every message sent back. */
  @IsOptional()
  @IsString({ message: 'stream_id must be a string' })
  @ApiField({ required: false, description: "The carrier's id of the media stream." })
  stream_id?: string;

  /** The carrier's id of the call: Twilio's `callSid`, Telnyx' `call_control_id`, Plivo's `callId`, Exotel's `call_sid`. */
  @IsOptional()
  @IsString({ message: 'call_id must be a string' })
  @ApiField({ required: false, description: "The carrier's id of the call." })
  call_id?: string;

  /** The caller's number. */
  @IsOptional()
  @IsString({ message: 'from must be a string' })
  @ApiField({ required: false, description: "The caller's number.", example: '+15550001' })
  from?: string;

  /** The number that was dialled. */
  @IsOptional()
  @IsString({ message: 'to must be a string' })
  @ApiField({ required: false, description: 'The number that was dialled.', example: '+15550002' })
  to?: string;

  /**
   * The SIP headers of the call by their names in lower case, where it came over SIP and its provider passes them on. The same for Daily,
   * LiveKit and the carriers.
   */
  @IsOptional()
  @IsStringRecord()
  @ApiField({
    required: false,
    type: Object,
    additionalProperties: { type: 'string' },
    description: 'The SIP headers of the call.',
  })
  sip_headers?: Record<string, string>;

  /** The custom parameters of the call, such as Twilio's `<Parameter>`s. @default {} */
  @Verbatim()
  @IsObject({ message: 'body must be an object' })
  @ApiField({
    required: false,
    description: 'The custom parameters of the call.',
    additionalProperties: true,
    default: {},
  })
  body: Record<string, unknown> = {};

  [key: string]: unknown;

  constructor(init: Partial<CallData> = {}) {
    assignDefined(this, init);
  }
}

/** Copies what is there; `null` and `undefined` leave the default, and keys that every object has are left out. */
export function assignDefined(target: object, init: object): void {
  for (const [key, value] of Object.entries(init)) {
    if (value !== undefined && value !== null && !(key in Object.prototype)) {
      (target as Record<string, unknown>)[key] = value;
    }
  }
}

/** SIP headers as {@link CallData.sip_headers} has them; `undefined` where there are none. */
export function sipHeaders(
  headers: Iterable<readonly [name: string, value: unknown]>,
): Record<string, string> | undefined {
  const entries = [...headers].flatMap(([name, value]) =>
    typeof value === 'string' ? [[name.toLowerCase(), value] as const] : [],
  );
  return entries.length > 0 ? Object.fromEntries(entries) : undefined;
}
