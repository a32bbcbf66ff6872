import { MediaUnavailableError } from '../../bot/session-end.js';
import { SocketMediaConnection } from '../../media/socket-media-connection.js';
import { RunnerWebSocket } from '../../websocket/runner-web-socket.js';
import { WebSocketRunnerArguments } from '../../websocket/websocket-runner-arguments.js';
import { mediaConnections } from '../media-connections.js';
import { BUILT_IN, evalHarness } from './carriers/index.js';
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
  const call = args.call_data!;
  const connection = { serializer: carrier.serializer(call), ...context };
  if (!carrier.responder) return new SocketMediaConnection(websocket, connection);
  if (!(websocket instanceof RunnerWebSocket)) {
    throw new MediaUnavailableError(
      `Calls of ${transport_type} need a RunnerWebSocket, which answers in time: new WebSocketServer({ WebSocket: RunnerWebSocket }).`,
    );
  }
  // The runner's gateway has done so for a carrier that it has detected.
  if (!websocket.isAnswered) websocket.respond(carrier.responder(call));
  const hangUp = () => {
    websocket.hangUp();
    return context.hangUp?.();
  };
  return new SocketMediaConnection(websocket, { ...connection, hangUp });
});
