import { Matches } from 'class-validator';
import { Nested } from '../../validation/field-traits.js';
import { Milliseconds } from '../../validation/option.decorators.js';
import { resolveOptions } from '../../validation/options.js';
import {
  type ResolvedSmallWebRtcOptions,
  SmallWebRtcOptions,
} from '../small-webrtc/small-webrtc.options.js';

const needed = (env: string) => ({
  message: `$property is needed: text without spaces (${env})`,
});

/** Options of {@link WhatsAppModule}. */
export class WhatsAppOptions {
  /** Access token of the business account (`WHATSAPP_TOKEN`). */
  @Matches(/^[\x21-\x7e]+$/, needed('WHATSAPP_TOKEN'))
  token: string = '';
  /** Meta's id of the business phone number, in digits (`WHATSAPP_PHONE_NUMBER_ID`). */
  @Matches(/^\d+$/, {
    message: '$property must be the digits of a phone number id (WHATSAPP_PHONE_NUMBER_ID)',
  })
  phoneNumberId: string = '';
  /** Secret of the Meta app, which signs the webhooks (`WHATSAPP_APP_SECRET`). */
  @Matches(/^[\x21-\x7e]+$/, needed('WHATSAPP_APP_SECRET'))
  appSecret: string = '';
  /** Token that Meta sends to verify the webhook (`WHATSAPP_WEBHOOK_VERIFICATION_TOKEN`). */
  @Matches(/^[\x21-\x7e]+$/, needed('WHATSAPP_WEBHOOK_VERIFICATION_TOKEN'))
  verifyToken: string = '';
  /**
   * Base URL of the Graph API.
   * @default 'https://graph.facebook.com/v23.0'
   */
  @Matches(/^https?:\/\/[^\s/]+(\/[^\s]*[^\s/])?$/, {
    message: '$property must be an http(s) URL without a trailing slash',
  })
  apiUrl?: string = 'https://graph.facebook.com/v23.0';
  /**
   * Timeout of a request to the Graph API including its retries, in milliseconds.
   * @default 10_000
   */
  @Milliseconds(1)
  timeoutMs?: number = 10_000;
  /** WebRTC options of the calls. */
  @Nested(() => SmallWebRtcOptions)
  webRtc?: SmallWebRtcOptions = new SmallWebRtcOptions();
}

/** {@link WhatsAppOptions} with their defaults. */
export type ResolvedWhatsAppOptions = Omit<Required<WhatsAppOptions>, 'webRtc'> & {
  readonly webRtc: ResolvedSmallWebRtcOptions;
};

/** DI token of the {@link ResolvedWhatsAppOptions}. */
export const WHATSAPP_OPTIONS = Symbol('WHATSAPP_OPTIONS');

/**
 * Fills in the defaults.
 * @throws {InvalidOptionsError}
 */
export const resolveWhatsAppOptions = (
  options: Partial<WhatsAppOptions>,
): ResolvedWhatsAppOptions =>
  resolveOptions<ResolvedWhatsAppOptions>('WhatsAppModule', new WhatsAppOptions(), options);
