import { CallData, sipHeaders } from '../../bot/call-data.js';

const HEADER = 'sip.h.';

/**
 * Who is calling, from the attributes of a LiveKit SIP participant, in the words of every other carrier. SIP headers are there as far as
 * the trunk's `headers_to_attributes` or `include_headers` names them. The attributes themselves are kept in `attributes`.
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
