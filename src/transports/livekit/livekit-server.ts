import { Inject, Injectable } from '@nestjs/common';
import type {
  AccessToken,
  RoomServiceClient,
  WebhookEvent,
  WebhookReceiver,
} from 'livekit-server-sdk';
import { ProviderError } from '../../http/provider-error.js';
import { RunnerError } from '../../errors/runner.error.js';
import { fieldOf, isInstance, textOfThrown } from '../../errors/thrown.js';
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

/** LiveKit's server SDK, an optional peer dependency. */
export type LiveKitSdk = typeof sdk;

/** Loads the SDK, if it is installed. */
export const loadLiveKitSdk = (): Promise<LiveKitSdk | undefined> =>
  optionalPackage('livekit-server-sdk', () => import('livekit-server-sdk'));

/** Client of a LiveKit server through its SDK: access tokens, rooms, webhooks. */
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
    const { emptyTimeoutMs, departureTimeoutMs, agents, ...rest } = this.options.room ?? {};
    const { sdk, rooms } = this.connection;
    await asked(() =>
      rooms.createRoom({
        name,
        ...rest,
        ...(emptyTimeoutMs !== undefined && { emptyTimeout: Math.ceil(emptyTimeoutMs / 1_000) }),
        ...(departureTimeoutMs !== undefined && {
          departureTimeout: Math.ceil(departureTimeoutMs / 1_000),
        }),
        ...(agents && { agents: agents.map((agent) => new sdk.RoomAgentDispatch(agent)) }),
      }),
    );
  }

  /**
   * Closes a room and removes its participants. Idempotent.
   * @throws {ProviderError}
   */
  async deleteRoom(name: string): Promise<void> {
    await gone(() => this.connection.rooms.deleteRoom(name));
  }

  /**
   * Removes a participant from a room, which hangs up a phone call. Idempotent.
   * @throws {ProviderError}
   */
  async removeParticipant(room: string, identity: string): Promise<void> {
    await gone(() => this.connection.rooms.removeParticipant(room, identity));
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
    const { RoomServiceClient: Rooms, WebhookReceiver: Webhooks } = this.sdk;
    const credentials = credentialsOf(this.options);
    const { url, apiKey, apiSecret } = credentials;
    this.connected = {
      ...credentials,
      sdk: this.sdk,
      rooms: new Rooms(url.replace(/^ws/i, 'http'), apiKey, apiSecret, {
        requestTimeout: this.options.timeoutMs / 1_000,
      }),
      webhooks: new Webhooks(apiKey, apiSecret),
    };
    return this.connected;
  }
}

interface Connected extends LiveKitCredentials {
  readonly sdk: LiveKitSdk;
  readonly rooms: RoomServiceClient;
  readonly webhooks: WebhookReceiver;
}

/** Maps the SDK's errors to {@link ProviderError}. */
async function asked<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (cause) {
    const [name, status] = [fieldOf(cause, 'name'), fieldOf(cause, 'status')];
    const { message } = textOfThrown(cause);
    if (name === 'TimeoutError' || name === 'AbortError') {
      throw new ProviderError('PROVIDER_TIMEOUT', 'LiveKit did not answer in time', { cause });
    }
    if (typeof status === 'number') {
      throw new ProviderError('PROVIDER_REFUSED', `LiveKit answered ${status}: ${message}`, {
        providerStatus: status,
        cause,
      });
    }
    throw new ProviderError('PROVIDER_UNREACHABLE', `LiveKit could not be reached (${message})`, {
      cause,
    });
  }
}

/** Makes a removal idempotent: not found counts as success. */
async function gone(call: () => Promise<unknown>): Promise<void> {
  try {
    await asked(call);
  } catch (error) {
    if (!isInstance(error, ProviderError) || error.providerStatus !== 404) throw error;
  }
}
