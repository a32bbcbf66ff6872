import { Injectable } from '@nestjs/common';
import { SessionTokens } from '../../sessions/session-token.js';
import { RunnerTransport, type StartContext } from '../runner-transport.js';
import { TransportRegistry } from '../transport-registry.js';

/** Plain WebSocket clients, such as Pipecat's `@pipecat-ai/websocket-transport`. */
@Injectable()
export class WebSocketTransport extends RunnerTransport {
  readonly names = ['websocket'];

  constructor(
    private readonly tokens: SessionTokens,
    registry: TransportRegistry,
  ) {
    super();
    registry.register(this);
  }

  start({ session, baseUrl }: StartContext): Record<string, unknown> {
    return this.tokens.webSocketAnswer(session, baseUrl.webSocketUrl('/ws-client'));
  }
}
