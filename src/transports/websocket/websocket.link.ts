import { ProtobufSerializer } from '../../media/serializers/protobuf.serializer.js';
import { SocketLink } from '../../media/socket-link.js';
import { WebSocketRunnerArguments } from '../../websocket/websocket-runner-arguments.js';
import type { LinkFactory } from '../link-factory.js';

/** The media of a plain client: protobuf frames. */
export const webSocketLink: LinkFactory = (args) =>
  args instanceof WebSocketRunnerArguments && args.transport_type === 'websocket'
    ? new SocketLink(args.websocket, { serializer: new ProtobufSerializer() })
    : undefined;
