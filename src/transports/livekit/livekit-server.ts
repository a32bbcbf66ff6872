import { Inject, Injectable } from '@nestjs/common';
import type { AccessToken, VideoGrant, WebhookEvent, WebhookReceiver } from 'livekit-server-sdk';
import { ProviderClient } from '../../http/provider-client.js';
import { ProviderError } from '../../http/provider-error.js';
import { RunnerError } from '../../errors/runner.error.js';
import { fieldOf } from '../../errors/thrown.js';
import {
  credentialsOf,
  LIVEKIT_OPTIONS,
  type LiveKitCredentials,
  missingCredentials,
  type ResolvedLiveKitOptions,
} from './livekit.options.js';
import type * as sdk from 'livekit-server-sdk';
import { optionalPackage } from '../../packages.js';

/** DI token of the {@link LiveKitSdk}; `undefined` where the package is not installed. */
export const LIVEKIT_SDK = Symbol('LIVEKIT_SDK');

/** Lifetime of the tokens for the server's API. */
const API_TOKEN_TTL_SECONDS = 600;

/** LiveKit's server SDK, an optional peer dependency. */
export type LiveKitSdk = typeof sdk;

/** Loads the SDK, if it is installed. */
export const loadLiveKitSdk = (): Promise<LiveKitSdk | undefined> =>
  optionalPackage('livekit-server-sdk', () => import('livekit-server-sdk'));

/**
 * Client of a LiveKit server: access tokens and webhooks through its SDK, rooms through its API (docs.livekit.io, "Room service API"). The
 * SDK's own client of that API bounds neither the answers nor where they lead.
 */
@Injectable()
export class LiveKitServer {
  private connected: Connected | undefined;

  constructor(
    @Inject(LIVEKIT_OPTIONS) private readonly options: ResolvedLiveKitOptions,
    @Inject(LIVEKIT_SDK) private readonly sdk: LiveKitSdk | undefined,
  ) {}

  /** Reason why the transport is disabled, with the fix. */
  get disabledReason(): string | undefined {
    if (!this.sdk) return 'livekit-server-sdk is not installed: npm install livekit-server-sdk';
    const missing = missingCredentials(this.options);
    return missing.length > 0
      ? `set ${missing.join(', ')}, or LiveKitModule.forRoot({ url, apiKey, apiSecret })`
      : undefined;
  }

  get url(): string {
    return this.connection.url;
  }

  /** Creates the bot's access token. Its kind marks the participant as an agent. */
  agentToken(roomName: string, identity: string): Promise<string> {
    const token = this.token(roomName, identity, { agent: true }, this.options.agent);
    token.kind = 'agent';
    return token.toJwt();
  }

  /** Creates the user's access token. */
  userToken(roomName: string, identity: string): Promise<string> {
    return this.token(roomName, identity, {}).toJwt();
  }

  /**
   * Creates a room with the configured options. Idempotent: an existing room is unchanged.
   * @throws {ProviderError}
   */
  async createRoom(name: string): Promise<void> {
    const { emptyTimeoutMs, departureTimeoutMs, ...rest } = this.options.room ?? {};
    const answer = await this.call(
      'CreateRoom',
      { roomCreate: true },
      {
        name,
        ...rest,
        ...(emptyTimeoutMs !== undefined && { emptyTimeout: Math.ceil(emptyTimeoutMs / 1_000) }),
        ...(departureTimeoutMs !== undefined && {
          departureTimeout: Math.ceil(departureTimeoutMs / 1_000),
        }),
      },
    );
    if (fieldOf(answer, 'name') !== name) {
      throw new ProviderError('PROVIDER_REFUSED', 'LiveKit answered without the room');
    }
  }

  /**
   * Closes a room and removes its participants. Idempotent.
   * @throws {ProviderError}
   */
  async deleteRoom(name: string): Promise<void> {
    await this.call('DeleteRoom', { roomCreate: true }, { room: name }, isMissing);
  }

  /**
   * Removes a participant from a room, which hangs up a phone call. Idempotent.
   * @throws {ProviderError}
   */
  async removeParticipant(room: string, identity: string): Promise<void> {
    const grant = { roomAdmin: true, room };
    await this.call('RemoveParticipant', grant, { room, identity }, isMissing);
  }

  /**
   * Parses a webhook.
   * @param body the raw body
   * @throws {RunnerError} `UNAUTHORIZED` unless this server signed it
   */
  async receiveWebhook(body: string, authorization: string | undefined): Promise<WebhookEvent> {
    try {
      return await this.connection.webhooks.receive(body, authorization);
    } catch (cause) {
      throw new RunnerError(
        'UNAUTHORIZED',
        'The Authorization header is not a signature of this body with the LiveKit API secret.',
        { cause },
      );
    }
  }

  /** Calls a method of the server's API with a token of its own. */
  private async call(
    method: string,
    grant: VideoGrant,
    body: object,
    accept?: (status: number) => boolean,
  ): Promise<unknown> {
    const { sdk, url, apiKey, apiSecret } = this.connection;
    const token = new sdk.AccessToken(apiKey, apiSecret, { ttl: API_TOKEN_TTL_SECONDS });
    token.addGrant(grant);
    const jwt = await token.toJwt();
    const api = new ProviderClient({
      provider: 'LiveKit',
      // As in the SDK, a path of the URL counts only for participants.
      baseUrl: new URL(url.replace(/^ws/i, 'http')).origin,
      authorization: `Bearer ${jwt}`,
      secret: jwt,
      timeoutMs: this.options.timeoutMs,
      reasonOf,
    });
    return api.call('POST', `/twirp/livekit.RoomService/${method}`, { body, accept });
  }

  private token(
    room: string,
    identity: string,
    grant: { agent?: true },
    about: ResolvedLiveKitOptions['agent'] = {},
  ): AccessToken {
    const { sdk, apiKey, apiSecret } = this.connection;
    const ttl = Math.ceil(this.options.tokenTtlMs / 1_000);
    const token = new sdk.AccessToken(apiKey, apiSecret, {
      name: identity,
      ...about,
      identity,
      ttl,
    });
    token.addGrant({ roomJoin: true, room, ...grant });
    return token;
  }

  /** Created on first use, since the transport may be disabled. */
  private get connection(): Connected {
    if (this.connected) return this.connected;
    if (!this.sdk) throw new RunnerError('TRANSPORT_UNAVAILABLE', this.disabledReason!);
    const { WebhookReceiver: Webhooks } = this.sdk;
    const credentials = credentialsOf(this.options);
    const { apiKey, apiSecret } = credentials;
    this.connected = {
      ...credentials,
      sdk: this.sdk,
      webhooks: new Webhooks(apiKey, apiSecret),
    };
    return this.connected;
  }
}

interface Connected extends LiveKitCredentials {
  readonly sdk: LiveKitSdk;
  readonly webhooks: WebhookReceiver;
}

const isMissing = (status: number): boolean => status === 404;

/** Returns the reason of a refusal: `msg` of Twirp's JSON; text where the server refuses before Twirp, such as for its key. */
function reasonOf(answer: unknown, text: string): string | undefined {
  const reason = answer === undefined ? text : fieldOf(answer, 'msg');
  return typeof reason === 'string' ? reason : undefined;
}
