import { Injectable } from '@nestjs/common';
import type { CallData } from '../../bot/call-data.js';
import { textOfThrown } from '../../errors/thrown.js';
import type { HangUpOutcome } from '../../media/media-connection.js';
import { CarrierApis } from './carrier-apis.js';
import type { TelephonyCredentials } from './telephony-credentials.js';

/** Accepted call ids. An id comes from the peer, and `.` or `/` would change the path of an API request. */
const CALL_ID = /^[\w:-]+$/;

/** True for an id that is safe in the path of a request to a carrier's API. */
export const isCallId = (callId: string | undefined): callId is string =>
  callId !== undefined && CALL_ID.test(callId);

/** Hangs up calls through the carriers' REST APIs, where credentials are configured. */
@Injectable()
export class CallHangUp {
  constructor(private readonly apis: CarrierApis) {}

  /**
   * Returns a function that ends a call through its carrier's API; `undefined` without API or credentials.
   * @param credentials accounts of the call @default the module's
   */
  of(
    carrier: string,
    { call_id }: CallData,
    credentials?: TelephonyCredentials,
  ): (() => Promise<HangUpOutcome>) | undefined {
    const api = this.apis.of(carrier, credentials);
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
