/** DI token of the `ResolvedTelephonyOptions`. */
export const TELEPHONY_OPTIONS = Symbol('TELEPHONY_OPTIONS');

/** DI token of the webhooks' base path, without leading and trailing slash. */
export const WEBHOOK_PATH = Symbol('WEBHOOK_PATH');
