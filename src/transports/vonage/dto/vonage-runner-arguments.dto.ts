import { IsString } from 'class-validator';
import { type Init, RunnerArguments } from '../../../bot/runner-arguments.js';
import { MediaUnavailableError } from '../../../bot/session-end.js';
import { WireClass } from '../../../bot/wire-classes.js';
import { ApiField } from '../../../validation/api-field.decorator.js';
import { mediaConnections } from '../../media-connections.js';

/** Arguments of a bot that joins a Vonage video session. */
@WireClass('VonageRunnerArguments')
export class VonageRunnerArguments extends RunnerArguments {
  /** Id of the Vonage application. */
  @IsString({ message: 'application_id must be a string' })
  @ApiField({ description: 'The id of the Vonage application.' })
  application_id!: string;

  /** The Vonage session to join; not to be confused with `session_id`. */
  @IsString({ message: 'vonage_session_id must be a string' })
  @ApiField({ description: 'The Vonage session to join.' })
  vonage_session_id!: string;

  /** The token to join with. */
  @IsString({ message: 'token must be a string' })
  @ApiField({ description: 'The token to join with.' })
  token!: string;

  constructor(
    init?: Init<VonageRunnerArguments, 'application_id' | 'vonage_session_id' | 'token'>,
  ) {
    super(init);
  }
}

// Vonage has no server SDK for Node, so there is no media connection.
mediaConnections.register(VonageRunnerArguments, () => {
  throw new MediaUnavailableError(
    'Vonage has no SDK for Node that joins video sessions, so this bot must join its session from another process: hand ' +
      "JSON.stringify(args) to a bot in Python ('pipecat-ai[vonage-video-connector]'), which joins args.vonage_session_id with args.token.",
  );
});
