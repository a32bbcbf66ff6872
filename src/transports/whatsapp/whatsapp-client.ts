import { fieldOf } from '../../errors/thrown.js';
import { Inject, Injectable } from '@nestjs/common';
import { ProviderClient } from '../../http/provider-client.js';
import { type ResolvedWhatsAppOptions, WHATSAPP_OPTIONS } from './whatsapp.options.js';

/**
 * Client of the calling API in Meta's Graph API (developers.facebook.com/docs/whatsapp/cloud-api/calling/reference). Every method throws a
 * {@link ProviderError} when Meta refuses, times out or cannot be reached.
 */
@Injectable()
export class WhatsAppClient {
  private readonly api: ProviderClient;
  private readonly path: string;

  constructor(
    @Inject(WHATSAPP_OPTIONS)
    { apiUrl, token, timeoutMs, phoneNumberId }: ResolvedWhatsAppOptions,
  ) {
    this.path = `/${phoneNumberId}/calls`;
    this.api = new ProviderClient({
      provider: 'Meta',
      baseUrl: apiUrl,
      authorization: `Bearer ${token}`,
      secret: token,
      timeoutMs,
      reasonOf: (answer) => {
        const message = fieldOf(fieldOf(answer, 'error'), 'message');
        return typeof message === 'string' ? message : undefined;
      },
    });
  }

  /** Sends the answer to the caller's offer ahead of {@link accept}, so that media connect early. */
  preAccept(callId: string, to: string, sdp: string): Promise<void> {
    return this.act('pre_accept', callId, { to, session: { sdp, sdp_type: 'answer' } });
  }

  /** Answers the call. */
  accept(callId: string, to: string, sdp: string): Promise<void> {
    return this.act('accept', callId, { to, session: { sdp, sdp_type: 'answer' } });
  }

  /** Rejects the call. */
  reject(callId: string): Promise<void> {
    return this.act('reject', callId);
  }

  /** Hangs up. */
  terminate(callId: string): Promise<void> {
    return this.act('terminate', callId);
  }

  private async act(action: string, callId: string, more: object = {}): Promise<void> {
    const body = { messaging_product: 'whatsapp', call_id: callId, action, ...more };
    await this.api.call('POST', this.path, { body });
  }
}
