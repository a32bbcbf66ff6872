import { MediaUnavailableError } from '../../bot/session-end.js';
import { END_TIMEOUT_MS } from '../../media/serializers/media-serializer.js';
import { SocketMediaConnection } from '../../media/socket-media-connection.js';
import { RunnerWebSocket } from '../../websocket/runner-web-socket.js';
import { WebSocketRunnerArguments } from '../../websocket/websocket-runner-arguments.js';
import { mediaConnections } from '../media-connections.js';
import { BUILT_IN } from './carriers/index.js';
import { evalHarness } from './eval-harness.js';
import { detectCarrier, detectedCarrier } from './parse-telephony-websocket.js';

// Media of phone calls, by the serializer of their carrier, and of evals.
mediaConnections.register(WebSocketRunnerArguments, async (args, { signal }, context) => {
  const { websocket } = args;
  let { transport_type } = args;
  // The runner's gateway has read the handshake. A WebSocket from elsewhere, or of a slow carrier, may still be before it.
  if (transport_type === undefined || args.call_data === undefined) {
    const { carrier, handshake } = await detectCarrier(websocket, { signal, keepsUnknown: true });
    ({ transport_type } = handshake);
    if (carrier) Object.assign(args, handshake);
  }
  const detected = await detectedCarrier(websocket);
  const carrier = [...BUILT_IN.all, evalHarness, ...(detected ? [detected] : [])].find(
    ({ name }) => name === transport_type,
  );
  if (!carrier) {
    throw new MediaUnavailableError(
      `transport_type is '${transport_type}', which is neither 'websocket' nor a carrier.`,
    );
  }
  const serializer = carrier.serializer(args.call_data!);
  if (serializer.end && websocket instanceof RunnerWebSocket) {
    const ask = (): void => {
      const message = serializer.end?.(false);
      if (message !== undefined) websocket.send(message);
    };
    websocket.closeAfter(ask, END_TIMEOUT_MS);
  }
  return new SocketMediaConnection(websocket, {
    serializer,
    ...context,
  });
});
