/** DI token of the `ResolvedTelephonyOptions`. */
export const TELEPHONY_OPTIONS = Symbol('TELEPHONY_OPTIONS');
