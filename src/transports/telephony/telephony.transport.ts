import { Inject, Injectable } from '@nestjs/common';
import { type PublicBaseUrl, PublicUrls } from '../../http/public-url.js';
import type { HttpRequest } from '../../http/http-request.js';
import type { Session } from '../../sessions/session.js';
import { SessionTokens } from '../../sessions/session-token.js';
import { RunnerTransport, type StartContext } from '../runner-transport.js';
import { TransportRegistry } from '../transport-registry.js';
import { CarrierAccess } from './carrier-access.js';
import { Carriers } from './carriers/index.js';
import { TELEPHONY_OPTIONS } from './telephony-options.token.js';
import type { ResolvedTelephonyOptions } from './telephony.options.js';

/** Carriers for `/start` and their webhooks. */
@Injectable()
export class TelephonyTransport extends RunnerTransport {
  readonly names: string[];

  constructor(
    @Inject(TELEPHONY_OPTIONS) private readonly options: ResolvedTelephonyOptions,
    private readonly carriers: Carriers,
    private readonly access: CarrierAccess,
    private readonly tokens: SessionTokens,
    private readonly publicUrls: PublicUrls,
    registry: TransportRegistry,
  ) {
    super();
    this.names = [...carriers.names];
    registry.register(this);
  }

  start(context: StartContext): Record<string, unknown> {
    const { session, name } = context;
    const wsUrl = this.own(context).webSocketUrl('/ws');
    // Carriers drop query strings, so without a token the path names the session.
    return this.access.needsToken(name)
      ? { wsUrl, token: this.tokens.issue(session) }
      : { wsUrl: `${wsUrl}/${session.id}` };
  }

  override connectXml(
    context: StartContext,
    customParameters: Readonly<Record<string, string>>,
  ): string | undefined {
    const webhook = this.carriers.find(context.name)?.webhook;
    if (!webhook) return undefined;
    const wsUrl = this.urlOf(context.session, this.own(context));
    return webhook.connectXml({ wsUrl, customParameters, formats: this.options });
  }

  /** Returns the media WebSocket URL for a webhook's answer, with or without a session. */
  webhookUrl(request: HttpRequest, session?: Session): string {
    const baseUrl = this.publicUrls.of(request, this.options.publicUrl);
    return session ? this.urlOf(session, baseUrl) : baseUrl.secureWebSocketUrl('/ws');
  }

  private urlOf(session: Session, baseUrl: PublicBaseUrl): string {
    const key = this.access.needsToken(session.transport) ? this.tokens.issue(session) : session.id;
    return `${baseUrl.secureWebSocketUrl('/ws')}/${key}`;
  }

  /** Read lazily: `baseUrl` may throw where this module has one of its own. */
  private own(context: StartContext): PublicBaseUrl {
    return this.options.publicUrl === undefined
      ? context.baseUrl
      : this.publicUrls.configured(this.options.publicUrl);
  }
}
