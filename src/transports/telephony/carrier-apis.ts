import { Inject, Injectable } from '@nestjs/common';
import type { CallData } from '../../bot/call-data.js';
import { textOfThrown } from '../../errors/thrown.js';
import { ProviderClient } from '../../http/provider-client.js';
import type { HangUpOutcome } from '../../media/media-connection.js';
import type { Session } from '../../sessions/session.js';
import { type ApiRequest, type CallApi, objectOf } from './carriers/carrier.js';
import { Carriers } from './carriers/index.js';
import { checkCredentials, type TelephonyCredentials } from './telephony-credentials.js';
import { TELEPHONY_OPTIONS } from './telephony-options.token.js';
import type { ResolvedTelephonyOptions } from './telephony.options.js';

declare module '../../sessions/session-context.js' {
  interface SessionContext {
    /** Carrier accounts of the call. @default the module's `credentials` */
    credentials?: TelephonyCredentials;
  }
}

/** Timeout of a request including its retries, in milliseconds. */
const TIMEOUT_MS = 5_000;

/** Client of a carrier's REST API with one account. */
export class CarrierApi {
  private readonly client: ProviderClient;

  constructor(
    carrier: string,
    readonly calls: CallApi,
  ) {
    const { baseUrl, authorization, secret } = calls;
    this.client = new ProviderClient({
      provider: carrier,
      baseUrl,
      authorization,
      secret,
      timeoutMs: TIMEOUT_MS,
      maxAttempts: 2,
      reasonOf,
    });
  }

  /** Ends a call. Idempotent: a call that has ended is no error. @throws {ProviderError} */
  async end(callId: string): Promise<void> {
    await this.send(this.calls.endCall(callId), {
      accept: (status, answer) => this.calls.isOver(status, answer),
    });
  }

  /** @returns the parsed answer @throws {ProviderError} */
  send(
    { method, path, ...content }: ApiRequest,
    how: Parameters<ProviderClient['call']>[2] = {},
  ): Promise<unknown> {
    return this.client.call(method, path, { ...content, ...how });
  }
}

/** Clients of the carriers' REST APIs, with the module's accounts or those of a call. */
@Injectable()
export class CarrierApis {
  private readonly byCredentials = new WeakMap<TelephonyCredentials, Map<string, CarrierApi>>();

  constructor(
    @Inject(TELEPHONY_OPTIONS) private readonly options: ResolvedTelephonyOptions,
    private readonly carriers: Carriers,
  ) {}

  /** The checks of a `CallRouter`'s decision that need the carriers. */
  readonly decisionChecks = {
    credentials: (value: unknown) => checkCredentials(value, this.carriers),
  };

  /** Returns the carrier accounts of a session's call. */
  credentialsOf({ context }: Session): TelephonyCredentials {
    return context.credentials ?? this.options.credentials;
  }

  /** Returns a client of a carrier's API; `undefined` without API or credentials. */
  of(carrier: string, credentials = this.options.credentials): CarrierApi | undefined {
    let apis = this.byCredentials.get(credentials);
    if (!apis) this.byCredentials.set(credentials, (apis = new Map<string, CarrierApi>()));
    let api = apis.get(carrier);
    if (!api) {
      const account = credentials[carrier];
      const calls = account && this.carriers.find(carrier)?.callApi?.(account);
      if (!calls) return undefined;
      apis.set(carrier, (api = new CarrierApi(carrier, calls)));
    }
    return api;
  }

  /**
   * Returns a function that ends a call through its carrier's API; `undefined` without API or credentials.
   * @param credentials accounts of the call @default the module's
   */
  hangUpOf(
    carrier: string,
    { call_id }: CallData,
    credentials?: TelephonyCredentials,
  ): (() => Promise<HangUpOutcome>) | undefined {
    const api = this.of(carrier, credentials);
    if (!api || !isCallId(call_id)) return undefined;
    return async () => {
      try {
        await api.end(call_id);
        return { ok: true, via: 'api' };
      } catch (thrown) {
        return { ok: false, via: 'api', error: textOfThrown(thrown).message };
      }
    };
  }
}

/** Accepted call ids. An id comes from the peer, and `.` or `/` would change the path of an API request. */
const CALL_ID = /^[\w:-]+$/;

/** True for an id that is safe in the path of a request to a carrier's API. */
export const isCallId = (callId: string | undefined): callId is string =>
  callId !== undefined && CALL_ID.test(callId);

/** Returns the reason in an error answer: Twilio's `message`, the first of Telnyx' `errors`, or Plivo's `error`. */
function reasonOf(answer: unknown): string | undefined {
  const { message, error, errors } = objectOf(answer);
  const { detail, title } = objectOf(Array.isArray(errors) ? errors[0] : undefined);
  return [message, error, detail ?? title].find((text) => typeof text === 'string');
}
