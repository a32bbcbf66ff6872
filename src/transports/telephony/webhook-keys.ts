import { telnyxPublicKey } from './carriers/telnyx-signature.js';
import type { TelephonyCredentials } from './telephony-credentials.js';

/** What the carriers sign their webhooks with; a list while one key is being replaced by another. */
export interface WebhookKeys {
  /** The account's auth token: `TWILIO_AUTH_TOKEN`. */
  readonly twilio?: string | readonly string[];
  /** The public key of the account, in base64: `TELNYX_PUBLIC_KEY`. */
  readonly telnyx?: string | readonly string[];
  /** The auth token of the account or subaccount: `PLIVO_AUTH_TOKEN`. */
  readonly plivo?: string | readonly string[];
}

const CARRIERS = ['twilio', 'telnyx', 'plivo'] as const;

/** What is wrong with them, and what is accepted. */
export function checkWebhookKeys(value: unknown): string | undefined {
  if (value === false) return undefined;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return `must be false, or an object with ${CARRIERS.join(', ')}`;
  }
  for (const [carrier, keys] of Object.entries(value)) {
    if (!(CARRIERS as readonly string[]).includes(carrier)) {
      return `must not have ${carrier}; there are ${CARRIERS.join(', ')}`;
    }
    if (keys === undefined) continue;
    const list: unknown[] = [keys].flat();
    if (list.length === 0 || !list.every((key) => typeof key === 'string' && key !== '')) {
      return `must have in ${carrier} a string, or a list of them`;
    }
    if (carrier === 'telnyx' && !(list as string[]).every(isTelnyxKey)) {
      return "must have in telnyx the account's public key: 32 bytes in base64";
    }
  }
  return undefined;
}

function isTelnyxKey(key: string): boolean {
  try {
    telnyxPublicKey(key);
    return true;
  } catch {
    return false;
  }
}

/** The keys of each carrier whose webhooks are verified. */
export function webhookKeysOf(
  keys: WebhookKeys | false | undefined,
  credentials: TelephonyCredentials,
): Map<string, readonly string[]> {
  const known = new Map<string, readonly string[]>();
  if (keys === false) return known;
  const { twilio = credentials.twilio?.authToken, plivo = credentials.plivo?.authToken } =
    keys ?? {};
  for (const [carrier, key] of Object.entries({ twilio, telnyx: keys?.telnyx, plivo })) {
    if (key !== undefined) known.set(carrier, [key].flat());
  }
  return known;
}

/** The keys that the carriers' own environment variables name. */
export function webhookKeysFromEnv(env: NodeJS.ProcessEnv): WebhookKeys {
  return {
    twilio: env.TWILIO_AUTH_TOKEN || undefined,
    telnyx: env.TELNYX_PUBLIC_KEY || undefined,
    plivo: env.PLIVO_AUTH_TOKEN || undefined,
  };
}
