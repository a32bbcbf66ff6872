import { ProtobufSerializer } from '../../media/serializers/protobuf.serializer.js';
import { SocketMediaConnection } from '../../media/socket-media-connection.js';
import { WebSocketRunnerArguments } from '../../websocket/websocket-runner-arguments.js';
import type { MediaConnectionFactory } from '../media-connection-factory.js';

/** The media of a plain client: protobuf frames. */
export const webSocketLink: MediaConnectionFactory = (args) =>
  args instanceof WebSocketRunnerArguments && args.transport_type === 'websocket'
    ? new SocketMediaConnection(args.websocket, { serializer: new ProtobufSerializer() })
    : undefined;
