import { IsOptional, IsString, IsUrl } from 'class-validator';
import { type Init, RunnerArguments } from '../../../bot/runner-arguments.js';
import { WireClass } from '../../../bot/wire-classes.js';
import { ApiField } from '../../../validation/api-field.decorator.js';

/** Arguments of a bot that joins a Daily room. */
@WireClass('DailyRunnerArguments')
export class DailyRunnerArguments extends RunnerArguments {
  /** The room to join. */
  @IsUrl(
    { protocols: ['http', 'https'], require_protocol: true, require_tld: false },
    { message: 'room_url must be a URL such as https://example.daily.co/room' },
  )
  @ApiField({
    description: 'The room to join.',
    example: 'https://example.daily.co/room',
    format: 'uri',
  })
  room_url!: string;

  /** The meeting token to join with; a public room needs none. */
  @IsOptional()
  @IsString({ message: 'token must be a string' })
  @ApiField({
    required: false,
    description: 'The meeting token to join with; a public room needs none.',
  })
  token?: string;

  constructor(init?: Init<DailyRunnerArguments, 'room_url'>) {
    super(init);
  }
}
