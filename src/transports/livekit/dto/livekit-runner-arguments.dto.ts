import { IsString, IsUrl } from 'class-validator';
import { type Init, RunnerArguments } from '../../../bot/runner-arguments.js';
import { WireClass } from '../../../bot/wire-classes.js';
import { ApiField } from '../../../validation/api-field.decorator.js';

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
