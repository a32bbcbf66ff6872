import { Inject, Injectable } from '@nestjs/common';
import { type ResolvedRunnerOptions, RUNNER_OPTIONS } from '../../runner.options.js';
import { SessionTokens } from '../../sessions/session-token.js';
import { RunnerTransport, type StartContext } from '../runner-transport.js';
import { TransportRegistry } from '../transport-registry.js';

/** Plain WebSocket clients, such as Pipecat's `@pipecat-ai/websocket-transport`. */
@Injectable()
export class WebSocketTransport extends RunnerTransport {
  readonly names = ['websocket'];

  constructor(
    @Inject(RUNNER_OPTIONS) private readonly options: ResolvedRunnerOptions,
    private readonly tokens: SessionTokens,
    registry: TransportRegistry,
  ) {
    super();
    registry.register(this);
  }

  start({ session, baseUrl }: StartContext): Record<string, unknown> {
    const wsUrl = baseUrl.webSocketUrl('/ws-client');
    return this.options.webSocketAuth === 'token'
      ? { wsUrl, token: this.tokens.issue(session) }
      : { wsUrl: `${wsUrl}?session_id=${session.id}` };
  }
}
