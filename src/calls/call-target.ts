/** Somebody who can be called: a phone number, or a SIP address. */
export type CallTarget =
  | {
      readonly kind: 'number';
      /** In E.164: `+`, the country's code and the number. */
      readonly address: string;
    }
  | {
      readonly kind: 'sip';
      /** `sip:` or `sips:`, a user and a host, and perhaps parameters. */
      readonly address: string;
    };

const E164 = /^\+[1-9]\d{1,14}$/;

/** No quote, angle bracket, comma or white space: some carriers read lists of targets and keys to press from these. */
const SIP =
  /^sips?:[\w.!~*'()&=+$%-]{1,128}@[A-Za-z0-9.-]{1,253}(:\d{1,5})?(;[\w.~%-]{1,64}(=[\w.~%-]{1,128})?){0,8}$/;

/** The targets that are accepted, for messages. */
export const CALL_TARGETS =
  "a phone number in E.164 such as '+15550001', or a SIP URI such as 'sip:desk@example.com'";

/** Reads a target; `undefined` for what is none. */
export function parseCallTarget(text: unknown): CallTarget | undefined {
  if (typeof text !== 'string') return undefined;
  if (E164.test(text)) return { kind: 'number', address: text };
  return SIP.test(text) ? { kind: 'sip', address: text } : undefined;
}
