import { checkOptions, milliseconds } from '../../validation/options.js';
import {
  type ResolvedSmallWebRtcOptions,
  resolveSmallWebRtcOptions,
  type SmallWebRtcOptions,
} from '../small-webrtc/small-webrtc.options.js';

/** Options of {@link WhatsAppModule}. */
export interface WhatsAppOptions {
  /** Access token of the business account (`WHATSAPP_TOKEN`). */
  token: string;
  /** Meta's id of the business phone number, in digits (`WHATSAPP_PHONE_NUMBER_ID`). */
  phoneNumberId: string;
  /** Secret of the Meta app, which signs the webhooks (`WHATSAPP_APP_SECRET`). */
  appSecret: string;
  /** Token that Meta sends to verify the webhook (`WHATSAPP_WEBHOOK_VERIFICATION_TOKEN`). */
  verifyToken: string;
  /**
   * Base URL of the Graph API.
   * @default 'https://graph.facebook.com/v23.0'
   */
  apiUrl?: string;
  /**
   * Timeout of a request to the Graph API including its retries, in milliseconds.
   * @default 10_000
   */
  timeoutMs?: number;
  /** WebRTC options of the calls. */
  webRtc?: SmallWebRtcOptions;
}

/** {@link WhatsAppOptions} with their defaults. */
export type ResolvedWhatsAppOptions = Omit<Required<WhatsAppOptions>, 'webRtc'> & {
  readonly webRtc: ResolvedSmallWebRtcOptions;
};

/** DI token of the {@link ResolvedWhatsAppOptions}. */
export const WHATSAPP_OPTIONS = Symbol('WHATSAPP_OPTIONS');

const given = (env: string) => (value: unknown) =>
  typeof value === 'string' && /^[\x21-\x7e]+$/.test(value)
    ? undefined
    : `is needed: text without spaces (${env})`;

/**
 * Fills in the defaults.
 * @throws {InvalidOptionsError}
 */
export function resolveWhatsAppOptions({
  token = '',
  phoneNumberId = '',
  appSecret = '',
  verifyToken = '',
  apiUrl = 'https://graph.facebook.com/v23.0',
  timeoutMs = 10_000,
  webRtc = {},
}: Partial<WhatsAppOptions>): ResolvedWhatsAppOptions {
  const options = { token, phoneNumberId, appSecret, verifyToken, apiUrl, timeoutMs };
  checkOptions('WhatsAppModule', options, {
    token: given('WHATSAPP_TOKEN'),
    phoneNumberId: (value) =>
      /^\d+$/.test(String(value))
        ? undefined
        : 'must be the digits of a phone number id (WHATSAPP_PHONE_NUMBER_ID)',
    appSecret: given('WHATSAPP_APP_SECRET'),
    verifyToken: given('WHATSAPP_WEBHOOK_VERIFICATION_TOKEN'),
    apiUrl: (value) =>
      /^https?:\/\/[^\s/]+(\/[^\s]*[^\s/])?$/.test(String(value))
        ? undefined
        : 'must be an http(s) URL without a trailing slash',
    timeoutMs: milliseconds(1),
  });
  return { ...options, webRtc: resolveSmallWebRtcOptions(webRtc) };
}
