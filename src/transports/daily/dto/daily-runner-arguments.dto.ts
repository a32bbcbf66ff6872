import { OptionalString } from '../../../validation/optional-fields.decorators.js';
import { IsUrl } from 'class-validator';
import { type Init, RunnerArguments } from '../../../bot/runner-arguments.js';
import { WireClass } from '../../../bot/wire-classes.js';
import { ApiField } from '../../../validation/api-field.decorator.js';
import { MediaUnavailableError } from '../../../bot/session-end.js';
import { mediaConnections } from '../../media-connections.js';

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
  @OptionalString('The meeting token to join with; a public room needs none.')
  token?: string;

  constructor(init?: Init<DailyRunnerArguments, 'room_url'>) {
    super(init);
  }
}

// Daily has no server SDK for Node, so there is no media connection.
mediaConnections.register(DailyRunnerArguments, () => {
  throw new MediaUnavailableError(
    'Daily has no SDK for Node on servers, so this bot must join its room from another process: hand JSON.stringify(args) ' +
      'to a bot in Python (pipecat-ai, daily-python), which joins args.room_url with args.token.',
  );
});
