import { sipHeaders } from '../../../bot/call-data.js';

/** Twilio's prefix of SIP headers in webhook fields. Kept in the parameters. */
const SIP_HEADER = 'SipHeader_';

/** Returns the SIP headers among a call's parameters. */
export const sipHeadersIn = (parameters: Record<string, unknown>) =>
  sipHeaders(
    Object.entries(parameters)
      .filter(([name]) => name.startsWith(SIP_HEADER))
      .map(([name, value]) => [name.slice(SIP_HEADER.length), value]),
  );

/**
 * Maps the caller of a webhook to custom parameters, for `TelephonyModule.forRoot({ customParameters: callerParameters })`. The bot then has
 * `from`, `to` and `sip_headers` in its `call_data`, as on the other transports.
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
