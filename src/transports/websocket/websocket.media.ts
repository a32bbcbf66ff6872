import { ProtobufSerializer } from '../../media/serializers/protobuf.serializer.js';
import { SocketMediaConnection } from '../../media/socket-media-connection.js';
import { WebSocketRunnerArguments } from '../../websocket/websocket-runner-arguments.js';
import { mediaConnections } from '../media-connections.js';

mediaConnections.register(
  WebSocketRunnerArguments,
  ({ websocket }) => new SocketMediaConnection(websocket, { serializer: new ProtobufSerializer() }),
  'websocket',
);
