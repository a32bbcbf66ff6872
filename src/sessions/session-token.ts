import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { Inject, Injectable, Optional } from '@nestjs/common';
import { Fleet } from '../fleet/fleet.js';
import type { NamedSession } from '../http/fleet-router/peers.js';
import { type ResolvedRunnerOptions, RUNNER_OPTIONS } from '../runner.options.js';
import type { Session } from './session.js';

interface TokenPayload {
  /** Expiry, in seconds since 1970. */
  readonly exp: number;
  /** Random id that makes every token unique. */
  readonly jti: string;
  /** Session id. */
  readonly sid: string;
  /** Name of the fleet's node that has opened the session. */
  readonly n?: string;
}

/** Tokens for the WebSocket of a session: `<base64url payload>.<hex HMAC-SHA256>`. Single-use, as is the claim of a session. */
@Injectable()
export class SessionTokens {
  /** The first one signs, all of them verify. */
  private readonly secrets: readonly [string | Buffer, ...(string | Buffer)[]];

  /** @internal injected */
  constructor(
    @Inject(RUNNER_OPTIONS) private readonly options: ResolvedRunnerOptions,
    @Optional() private readonly fleet?: Fleet,
  ) {
    const { tokenSecret } = options;
    this.secrets = tokenSecret ? [tokenSecret] : (fleet?.tokenKeys ?? [randomBytes(32)]);
  }

  /** Issues a token for a session, valid for `pendingTtlMs`. */
  issue(session: Session): string {
    const payload: TokenPayload = {
      exp: Math.ceil((Date.now() + this.options.pendingTtlMs) / 1000),
      jti: randomBytes(8).toString('hex'),
      sid: session.id,
      n: this.fleet?.peers?.name,
    };
    const encoded = Buffer.from(JSON.stringify(payload)).toString('base64url');
    return `${encoded}.${signed(encoded, this.secrets[0])}`;
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
    return this.read(token)?.sessionId;
  }

  /** @internal Returns what a valid token names; otherwise `undefined`. Never throws. */
  read(token: string): NamedSession | undefined {
    const [encoded, signature, ...rest] = token.split('.');
    if (!encoded || !signature || rest.length > 0) return undefined;
    const given = Buffer.from(signature);
    const isSigned = this.secrets.some((secret) => {
      const expected = Buffer.from(signed(encoded, secret));
      return given.length === expected.length && timingSafeEqual(given, expected);
    });
    if (!isSigned) return undefined;
    // Signed by us, and so well-formed.
    const payload = JSON.parse(Buffer.from(encoded, 'base64url').toString()) as TokenPayload;
    const { exp, sid: sessionId, n: opener } = payload;
    return Date.now() < exp * 1000 ? { sessionId, opener } : undefined;
  }
}

const signed = (encoded: string, secret: string | Buffer): string =>
  createHmac('sha256', secret).update(encoded).digest('hex');
