import { sipHeaders } from '../../../bot/call-data.js';

/** Twilio's prefix of SIP headers in webhook fields. Kept in the parameters. */
const SIP_HEADER = 'SipHeader_';

/** Returns the SIP headers among a call's parameters. */
export const sipHeadersIn = (parameters: Record<string, unknown>) =>
  sipHeaders(sipEntries(parameters).map(([name, value]) => [name.slice(SIP_HEADER.length), value]));

/** Costs next to nothing for each field that is no header; a webhook may have 50,000. */
const sipEntries = (fields: Record<string, unknown>): [string, unknown][] =>
  Object.keys(fields)
    .filter((name) => name.startsWith(SIP_HEADER))
    .map((name) => [name, fields[name]]);

/**
 * Maps the caller of a webhook to custom parameters, for `TelephonyModule.forRoot({ customParameters: callerParameters })`. The bot then has
 * `from`, `to` and `sip_headers` in its `call_data`, as on the other transports.
 */
export function callerParameters(webhook: Record<string, unknown>): Record<string, string> {
  const { From, To } = webhook;
  return Object.fromEntries(
    [['from_number', From], ['to_number', To], ...sipEntries(webhook)].filter(
      (entry): entry is [string, string] => typeof entry[1] === 'string',
    ),
  );
}
