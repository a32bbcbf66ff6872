/** DI token of the `ResolvedTelephonyOptions`. */
export const TELEPHONY_OPTIONS = Symbol('TELEPHONY_OPTIONS');

/** DI token of the path below which the webhooks are, without slashes around it. */
export const WEBHOOK_PATH = Symbol('WEBHOOK_PATH');
