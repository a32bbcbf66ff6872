import { IsString, IsUrl } from 'class-validator';
import { type Init, RunnerArguments } from '../../../bot/runner-arguments.js';
import { WireClass } from '../../../bot/wire-classes.js';
import { ApiField } from '../../../validation/api-field.decorator.js';
import { CallData, sipHeaders } from '../../../bot/call-data.js';

/** Arguments of a bot that joins a LiveKit room. */
@WireClass('LiveKitRunnerArguments')
export class LiveKitRunnerArguments extends RunnerArguments {
  /** The room to join. */
  @IsString({ message: 'room_name must be a string' })
  @ApiField({ description: 'The room to join.' })
  room_name!: string;

  /** The URL of the LiveKit server. */
  @IsUrl(
    { protocols: ['ws', 'wss'], require_protocol: true, require_tld: false },
    { message: 'url must be a ws:// or wss:// URL such as wss://example.livekit.cloud' },
  )
  @ApiField({
    description: 'The URL of the LiveKit server.',
    example: 'wss://example.livekit.cloud',
    format: 'uri',
  })
  url!: string;

  /** The agent's access token. */
  @IsString({ message: 'token must be a string' })
  @ApiField({ description: "The agent's access token." })
  token!: string;

  constructor(init?: Init<LiveKitRunnerArguments, 'room_name' | 'url' | 'token'>) {
    super(init);
  }
}

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
