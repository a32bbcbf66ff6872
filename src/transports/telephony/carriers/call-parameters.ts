import { sipHeaders } from '../../../bot/call-data.js';

/** Twilio's prefix for SIP headers among the fields of its webhook; parameters keep it. */
const SIP_HEADER = 'SipHeader_';

/** The SIP headers among a call's parameters. */
export const sipHeadersIn = (parameters: Record<string, unknown>) =>
  sipHeaders(
    Object.entries(parameters)
      .filter(([name]) => name.startsWith(SIP_HEADER))
      .map(([name, value]) => [name.slice(SIP_HEADER.length), value]),
  );

/**
 * The caller of a webhook as custom parameters, for `TelephonyModule.forRoot({ customParameters: callerParameters })`: the bot then finds
 * `from`, `to` and `sip_headers` in its `call_data`, as on every other transport.
 */
export function callerParameters(webhook: Record<string, unknown>): Record<string, string> {
  const { From, To } = webhook;
  return Object.fromEntries(
    [
      ['from_number', From],
      ['to_number', To],
      ...Object.entries(webhook).filter(([name]) => name.startsWith(SIP_HEADER)),
    ].filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}
