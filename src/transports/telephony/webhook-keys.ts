import { BUILT_IN, type Carriers } from './carriers/index.js';
import type { TelephonyCredentials } from './telephony-credentials.js';

/** Keys of webhook signatures by carrier: the auth tokens of Twilio and Plivo, the public key of the Telnyx account. A list supports key rotation. */
export type WebhookKeys = Readonly<Record<string, string | readonly string[] | undefined>>;

const signing = (carriers: Carriers) =>
  carriers.all.flatMap(({ name, webhook }) =>
    webhook?.signature ? [{ name, ...webhook.signature }] : [],
  );

/** Returns what is wrong with the keys, and what is accepted. */
export function checkWebhookKeys(value: unknown, carriers = BUILT_IN): string | undefined {
  if (value === false) return undefined;
  const known = signing(carriers);
  const names = known.map(({ name }) => name).join(', ');
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return `must be false, or an object with ${names}`;
  }
  for (const [carrier, keys] of Object.entries(value)) {
    const signature = known.find(({ name }) => name === carrier);
    if (!signature) return `must not have ${carrier}; there are ${names}`;
    if (keys === undefined) continue;
    const list: unknown[] = [keys].flat();
    if (!list.every((key): key is string => typeof key === 'string' && key !== '') || !list[0]) {
      return `must have in ${carrier} a string, or a list of them`;
    }
    const accepted = list.map((key) => signature.check?.(key)).find(Boolean);
    if (accepted) return `must have in ${carrier} ${accepted}`;
  }
  return undefined;
}

/** Returns the keys of each carrier whose webhooks are verified. */
export function webhookKeysOf(
  keys: WebhookKeys | false | undefined,
  credentials: TelephonyCredentials,
  carriers: Carriers,
): Map<string, readonly string[]> {
  const known = new Map<string, readonly string[]>();
  if (keys === false) return known;
  for (const { name, accountField = '' } of signing(carriers)) {
    const account: Record<string, unknown> = { ...credentials[name] };
    const key = keys?.[name] ?? account[accountField];
    if (key !== undefined) known.set(name, [key].flat() as string[]);
  }
  return known;
}

/** Reads the keys from the carriers' environment variables. */
export const webhookKeysFromEnv = (env: NodeJS.ProcessEnv, carriers = BUILT_IN): WebhookKeys =>
  Object.fromEntries(signing(carriers).map((one) => [one.name, env[one.env] || undefined]));
