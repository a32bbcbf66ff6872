/** Call target: a phone number or SIP address. */
export type CallTarget =
  | {
      readonly kind: 'number';
      /** Number in E.164: `+`, country code and number. */
      readonly address: string;
    }
  | {
      readonly kind: 'sip';
      /** `sip:` or `sips:` URI with user and host, optionally with parameters. */
      readonly address: string;
    };

const E164 = /^\+[1-9]\d{1,14}$/;

/** Excludes quotes, angle brackets, commas and white space, which some carriers parse as lists of targets or DTMF. */
const SIP =
  /^sips?:[\w.!~*'()&=+$%-]{1,128}@[A-Za-z0-9.-]{1,253}(:\d{1,5})?(;[\w.~%-]{1,64}(=[\w.~%-]{1,128})?){0,8}$/;

/** Accepted targets, for messages. */
export const CALL_TARGETS =
  "a phone number in E.164 such as '+15550001', or a SIP URI such as 'sip:desk@example.com'";

/** Parses a target; `undefined` for an invalid one. */
export function parseCallTarget(text: unknown): CallTarget | undefined {
  if (typeof text !== 'string') return undefined;
  if (E164.test(text)) return { kind: 'number', address: text };
  return SIP.test(text) ? { kind: 'sip', address: text } : undefined;
}
