import {
  mediaConnections,
  SocketMediaConnection,
  WebSocketRunnerArguments,
} from 'nestjs-pipecat-runner/bot';
import { PcmSerializer } from './pcm.serializer.js';

/** The name of the transport in `POST /start`, and the `transport_type` of its bots' arguments. */
export const PCM = 'pcm';

// Loaded wherever a bot calls createTransport: beside the module, and in the process of a bot.
mediaConnections.register(
  WebSocketRunnerArguments,
  ({ websocket }, _options, context) =>
    new SocketMediaConnection(websocket, { serializer: new PcmSerializer(), ...context }),
  PCM,
);
