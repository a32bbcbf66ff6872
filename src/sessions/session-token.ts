import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { type ResolvedRunnerOptions, RUNNER_OPTIONS } from '../runner.options.js';
import type { Session } from './session.js';

interface TokenPayload {
  /** Expiry, in seconds since 1970. */
  readonly exp: number;
  /** Random id that makes every token unique. */
  readonly jti: string;
  /** Session id. */
  readonly sid: string;
}

/** Tokens for the WebSocket of a session: `<base64url payload>.<hex HMAC-SHA256>`. Single-use, as is the claim of a session. */
@Injectable()
export class SessionTokens {
  private readonly secret: string | Buffer;

  /** @internal injected */
  constructor(@Inject(RUNNER_OPTIONS) private readonly options: ResolvedRunnerOptions) {
    this.secret = options.tokenSecret ?? randomBytes(32);
  }

  /** Issues a token for a session, valid for `pendingTtlMs`. */
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
   * Returns the answer of `POST /start` for a WebSocket client: with a token if `webSocketAuth` requires one, otherwise the URL names the session.
   * @param wsUrl URL of the gateway, such as `baseUrl.webSocketUrl('/ws-client')`
   */
  webSocketAnswer(session: Session, wsUrl: string): Record<string, string> {
    return this.options.webSocketAuth === 'token'
      ? { wsUrl, token: this.issue(session) }
      : { wsUrl: `${wsUrl}?session_id=${session.id}` };
  }

  /** Returns the session id of a valid token; otherwise `undefined`. Never throws. */
  sessionIdOf(token: string): string | undefined {
    const [encoded, signature, ...rest] = token.split('.');
    if (!encoded || !signature || rest.length > 0) return undefined;
    const expected = Buffer.from(this.sign(encoded));
    const given = Buffer.from(signature);
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined;
    // Signed by us, and so well-formed.
    const { exp, sid } = JSON.parse(Buffer.from(encoded, 'base64url').toString()) as TokenPayload;
    return Date.now() < exp * 1000 ? sid : undefined;
  }

  private sign(encoded: string): string {
    return createHmac('sha256', this.secret).update(encoded).digest('hex');
  }
}
