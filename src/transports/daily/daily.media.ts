import { MediaUnavailableError } from '../../bot/session-end.js';
import { mediaConnections } from '../media-connections.js';
import { DailyRunnerArguments } from './dto/daily-runner-arguments.dto.js';

// Daily has no server SDK for Node, so there is no media connection.
mediaConnections.register(DailyRunnerArguments, () => {
  throw new MediaUnavailableError(
    'Daily has no SDK for Node on servers, so this bot must join its room from another process: hand JSON.stringify(args) ' +
      'to a bot in Python (pipecat-ai, daily-python), which joins args.room_url with args.token.',
  );
});
