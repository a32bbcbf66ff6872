import { OptionalString, OptionalStringRecord } from '../validation/optional-fields.decorators.js';
import { IsObject } from 'class-validator';
import { ApiField } from '../validation/api-field.decorator.js';
import { KeepsUnknownKeys } from '../validation/field-traits.js';
import { WireClass } from './wire-classes.js';
import { Verbatim } from '../validation/verbatim.decorator.js';

/** Data of a call from the carrier's first messages, with the same names for every carrier. Additional keys of a carrier are kept. */
@WireClass('CallData')
@KeepsUnknownKeys()
export class CallData {
  /** Media stream id of the carrier, part of every message to it. */
  @OptionalString('The media stream id of the carrier.')
  stream_id?: string;

  /** Call id of the carrier: Twilio's `callSid`, Telnyx' `call_control_id`, Plivo's `callId`, Exotel's `call_sid`. */
  @OptionalString('The call id of the carrier.')
  call_id?: string;

  /** The caller's number. */
  @OptionalString("The caller's number.", { example: '+15550001' })
  from?: string;

  /** The called number. */
  @OptionalString('The called number.', { example: '+15550002' })
  to?: string;

  /**
   * SIP headers of the call by their names in lower case, where it came over SIP and the provider passes them on. The same for Daily, LiveKit and the
   * carriers.
   */
  @OptionalStringRecord('The SIP headers of the call.')
  sip_headers?: Record<string, string>;

  /** Custom parameters of the call, such as Twilio's `<Parameter>`s. @default {} */
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

/** Copies defined fields. `null` and `undefined` keep the default; keys of `Object.prototype` are skipped. */
export function assignDefined(target: object, init: object): void {
  for (const [key, value] of Object.entries(init)) {
    if (value !== undefined && value !== null && !(key in Object.prototype)) {
      (target as Record<string, unknown>)[key] = value;
    }
  }
}

/** Returns SIP headers for {@link CallData.sip_headers}; `undefined` for none. */
export function sipHeaders(
  headers: Iterable<readonly [name: string, value: unknown]>,
): Record<string, string> | undefined {
  const entries = [...headers].flatMap(([name, value]) =>
    typeof value === 'string' ? [[name.toLowerCase(), value] as const] : [],
  );
  return entries.length > 0 ? Object.fromEntries(entries) : undefined;
}
