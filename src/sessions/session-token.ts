import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { type ResolvedRunnerOptions, RUNNER_OPTIONS } from '../runner.options.js';
import type { Session } from './session.js';

interface TokenPayload {
  /** When the token stops being valid, in seconds since 1970. */
  readonly exp: number;
  /** Makes every token different. */
  readonly jti: string;
  /** The session it opens. */
  readonly sid: string;
}

/**
 * Tokens that open a WebSocket for one session: `<base64url payload>.<hex HMAC-SHA256>`. A token works once, because the
 * session it names can be claimed once.
 */
@Injectable()
export class SessionTokens {
  private readonly secret: string | Buffer;

  /** @internal injected */
  constructor(@Inject(RUNNER_OPTIONS) private readonly options: ResolvedRunnerOptions) {
    this.secret = options.tokenSecret ?? randomBytes(32);
  }

  /** A token for the session, valid for `pendingTtlMs`. */
  issue(session: Session): string {
    const payload: TokenPayload = {
      exp: Math.ceil((Date.now() + this.options.pendingTtlMs) / 1000),
      jti: randomBytes(8).toString('hex'),
      sid: session.id,
    };
    const encoded = Buffer.from(JSON.stringify(payload)).toString('base64url');
    return `${encoded}.${this.sign(encoded)}`;
  }

  /**
   * Returns what `POST /start` answers to a client of a WebSocket: with a token where `webSocketAuth` wants one, otherwise the URL names the session.
   * @param wsUrl the URL of the gateway, such as `baseUrl.webSocketUrl('/ws-client')`
   */
  webSocketAnswer(session: Session, wsUrl: string): Record<string, string> {
    return this.options.webSocketAuth === 'token'
      ? { wsUrl, token: this.issue(session) }
      : { wsUrl: `${wsUrl}?session_id=${session.id}` };
  }

  /** The id of the session that a genuine token names while it lasts; otherwise `undefined`. Never throws. */
  sessionIdOf(token: string): string | undefined {
    const [encoded, signature, ...rest] = token.split('.');
    if (!encoded || !signature || rest.length > 0) return undefined;
    const expected = Buffer.from(this.sign(encoded));
    const given = Buffer.from(signature);
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined;
    // Signed by us, so it is well-formed.
    const { exp, sid } = JSON.parse(Buffer.from(encoded, 'base64url').toString()) as TokenPayload;
    return Date.now() < exp * 1000 ? sid : undefined;
  }

  private sign(encoded: string): string {
    return createHmac('sha256', this.secret).update(encoded).digest('hex');
  }
}
