import { CallData, sipHeaders } from '../../bot/call-data.js';

const HEADER = 'sip.h.';

/**
 * Maps the attributes of a LiveKit SIP participant to {@link CallData}. SIP headers are included if the trunk's `headers_to_attributes` or
 * `include_headers` maps them. The raw attributes are kept in `attributes`.
 *
 * Source: LiveKit's "SIP participant" reference, and livekit/protocol's attribute names.
 */
export function sipCallData(attributes: Record<string, string>): CallData {
  const headers = Object.entries(attributes)
    .filter(([name]) => name.startsWith(HEADER))
    .map(([name, value]) => [name.slice(HEADER.length), value] as const);
  return new CallData({
    call_id: attributes['sip.callID'],
    from: attributes['sip.phoneNumber'],
    to: attributes['sip.trunkPhoneNumber'],
    sip_headers: sipHeaders(headers),
    attributes: { ...attributes },
  });
}
