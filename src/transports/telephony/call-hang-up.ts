import { Inject, Injectable } from '@nestjs/common';
import type { CallData } from '../../bot/call-data.js';
import { textOfThrown } from '../../errors/thrown.js';
import { ProviderClient } from '../../http/provider-client.js';
import type { HangUpOutcome } from '../../media/media-link.js';
import type { CallApi } from './carriers/carrier.js';
import { CARRIERS } from './carriers/index.js';
import { TELEPHONY_OPTIONS } from './telephony-options.token.js';
import type { ResolvedTelephonyOptions } from './telephony.options.js';

/** The longest hanging up may take, in milliseconds. */
const TIMEOUT_MS = 5_000;

/** What the carriers' ids of calls are made of. The peer says which call it brings, and in a path `.` or `/` would be another. */
const CALL_ID = /^[\w:-]+$/;

/** Ends calls through the carriers' APIs, where their credentials are there. */
@Injectable()
export class CallHangUp {
  private readonly apis = new Map<string, { api: CallApi; client: ProviderClient }>();

  constructor(@Inject(TELEPHONY_OPTIONS) { credentials }: ResolvedTelephonyOptions) {
    for (const { name, callApi } of CARRIERS) {
      const api = callApi?.(credentials);
      if (api) this.apis.set(name, { api, client: clientOf(name, api) });
    }
  }

  /** How a call is ended through its carrier's API; `undefined` where it cannot be. */
  of(carrier: string, { call_id }: CallData): (() => Promise<HangUpOutcome>) | undefined {
    const known = this.apis.get(carrier);
    if (!known || call_id === undefined || !CALL_ID.test(call_id)) return undefined;
    return async () => {
      const { api, client } = known;
      try {
        const { method, path, ...content } = api.endCall(call_id);
        await client.call(method, path, {
          ...content,
          accept: (status, answer) => api.isOver(status, answer),
        });
        return { ok: true, via: 'api' };
      } catch (thrown) {
        return { ok: false, via: 'api', error: textOfThrown(thrown).message };
      }
    };
  }
}

function clientOf(carrier: string, { baseUrl, authorization, secret }: CallApi): ProviderClient {
  return new ProviderClient({
    provider: carrier,
    baseUrl,
    authorization,
    secret,
    timeoutMs: TIMEOUT_MS,
    maxAttempts: 2,
    reasonOf,
  });
}

/** Twilio has a `message`, Telnyx a list of `errors`, Plivo an `error`. */
function reasonOf(answer: unknown): string | undefined {
  const { message, error, errors } = (answer ?? {}) as Record<string, unknown>;
  const [first] = (Array.isArray(errors) ? errors : []) as { detail?: unknown; title?: unknown }[];
  return [message, error, first?.detail ?? first?.title].find((text) => typeof text === 'string');
}
