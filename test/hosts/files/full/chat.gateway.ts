import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';

/** Of socket.io, which Nest takes where an application sets no adapter. */
@WebSocketGateway()
export class ChatGateway {
  @SubscribeMessage('shout')
  shout(@MessageBody() text: string): string {
    return text.toUpperCase();
  }
}
