import { MediaUnavailableError } from '../../media/media-unavailable.error.js';
import { SocketMediaConnection } from '../../media/socket-media-connection.js';
import { WebSocketRunnerArguments } from '../../websocket/websocket-runner-arguments.js';
import { mediaConnections } from '../media-connections.js';
import { callerNamed } from './callers.js';
import { parseTelephonyWebSocket } from './parse-telephony-websocket.js';

// The media of a phone call, in the words of its carrier; or of an eval.
mediaConnections.register(WebSocketRunnerArguments, async (args, { signal }, context) => {
  // The runner's gateway has read the handshake; a WebSocket from elsewhere may still be before it.
  if (args.transport_type === undefined || args.call_data === undefined) {
    Object.assign(args, await parseTelephonyWebSocket(args.websocket, { signal }));
  }
  const caller = callerNamed(args.transport_type);
  if (!caller) {
    throw new MediaUnavailableError(
      `transport_type is '${args.transport_type}', which is neither 'websocket' nor a carrier.`,
    );
  }
  return new SocketMediaConnection(args.websocket, {
    serializer: caller.serializer(args.call_data!),
    ...context,
  });
});
