import { Inject, Injectable } from '@nestjs/common';
import { type PublicBaseUrl, PublicUrls } from '../../http/public-url.js';
import type { HttpRequest } from '../../http/http-request.js';
import { type ResolvedRunnerOptions, RUNNER_OPTIONS } from '../../runner.options.js';
import { SessionRegistry } from '../../sessions/session-registry.js';
import { SessionTokens } from '../../sessions/session-token.js';
import { RunnerTransport, type StartContext } from '../runner-transport.js';
import { TransportRegistry } from '../transport-registry.js';
import { CARRIERS } from './carriers/index.js';
import { TELEPHONY_OPTIONS } from './telephony-options.token.js';
import type { ResolvedTelephonyOptions } from './telephony.options.js';

/** The carriers, as `/start` and their webhooks see them. */
@Injectable()
export class TelephonyTransport extends RunnerTransport {
  readonly names = CARRIERS.map(({ name }) => name);

  constructor(
    @Inject(RUNNER_OPTIONS) private readonly runnerOptions: ResolvedRunnerOptions,
    @Inject(TELEPHONY_OPTIONS) private readonly options: ResolvedTelephonyOptions,
    private readonly sessions: SessionRegistry,
    private readonly tokens: SessionTokens,
    private readonly publicUrls: PublicUrls,
    registry: TransportRegistry,
  ) {
    super();
    registry.register(this);
  }

  start({ session, baseUrl }: StartContext): Record<string, unknown> {
    const wsUrl = this.own(baseUrl).webSocketUrl('/ws');
    // Carriers drop query strings, so where no token names the session, the path does.
    return this.runnerOptions.webSocketAuth === 'token'
      ? { wsUrl, token: this.tokens.issue(session) }
      : { wsUrl: `${wsUrl}/${session.id}` };
  }

  /** The URL that a webhook answer sends the carrier to. With token auth it opens a session, to which the token is bound. */
  connectUrl(carrier: string, request: HttpRequest): string {
    const wsUrl = this.publicUrls.of(request, this.options.publicUrl).secureWebSocketUrl('/ws');
    if (this.runnerOptions.webSocketAuth !== 'token') return wsUrl;
    return `${wsUrl}/${this.tokens.issue(this.sessions.open({ transport: carrier }))}`;
  }

  private own(baseUrl: PublicBaseUrl): PublicBaseUrl {
    return this.options.publicUrl === undefined
      ? baseUrl
      : this.publicUrls.configured(this.options.publicUrl);
  }
}
