import { createHmac, generateKeyPairSync, sign } from 'node:crypto';
import { validateV3Signature } from 'plivo/dist/utils/v3Security.js';
import { Telnyx } from 'telnyx';
import { getExpectedBodyHash, getExpectedTwilioSignature } from 'twilio/lib/webhooks/webhooks.js';

/** A form, as its fields. */
export type Fields = Record<string, string | string[]>;

/** Fields as a body. */
export const formOf = (fields: Fields): string =>
  new URLSearchParams(
    Object.entries(fields).flatMap(([name, values]) =>
      [values].flat().map((one): [string, string] => [name, one]),
    ),
  ).toString();

/** The headers Twilio sends with a form, by its own SDK. */
export const twilioHeaders = (token: string, url: string, fields: Fields = {}) => ({
  'x-twilio-signature': getExpectedTwilioSignature(token, url, fields),
});

/** The URL Twilio calls, and its headers, where the body is JSON. */
export function twilioJson(token: string, url: string, body: string) {
  const signed = `${url}${url.includes('?') ? '&' : '?'}bodySHA256=${getExpectedBodyHash(body)}`;
  return { url: signed, headers: twilioHeaders(token, signed) };
}

/**
 * The headers Plivo sends with a form, written from its documentation and put to its own SDK. In Jest the SDK does not know the arrays of
 * Node's own parser for arrays, so no name may come twice in the query.
 */
export function plivoHeaders(
  token: string,
  url: string,
  fields: Fields = {},
  nonce = '0542956780',
) {
  const flat = (params: Fields, between: string) =>
    Object.keys(params)
      .sort()
      .flatMap((name) =>
        [params[name]!]
          .flat()
          .sort()
          .map((value) => name + between + value),
      );
  const { search, searchParams } = new URL(url);
  const inQuery = flat(Object.fromEntries(searchParams), '=').join('&');
  const inForm = flat(fields, '').join('');
  const text =
    url.slice(0, url.length - search.length) +
    (inQuery || inForm ? '?' : '') +
    [inQuery, inForm].filter(Boolean).join('.');
  const signature = createHmac('sha256', token).update(`${text}.${nonce}`).digest('base64');
  // It sorts the lists it is given.
  const params = Object.fromEntries(
    Object.entries(fields).map(([name, values]) => [name, [...[values].flat()]]),
  );
  if (!validateV3Signature('POST', url, nonce, token, signature, params)) {
    throw new Error(`Plivo's SDK refuses this signature of ${url}`);
  }
  return { 'x-plivo-signature-v3': signature, 'x-plivo-signature-v3-nonce': nonce };
}

/** A Telnyx account. What it signs is put to Telnyx' own SDK, unless it is too old for that. */
export class TelnyxAccount {
  private readonly keys = generateKeyPairSync('ed25519');
  /** As the portal shows it. */
  readonly publicKey = Buffer.from(
    this.keys.publicKey.export({ format: 'jwk' }).x!,
    'base64url',
  ).toString('base64');

  async headers(body: string, timestamp = Math.floor(Date.now() / 1_000)) {
    const signed = Buffer.from(`${timestamp}|${body}`);
    const headers = {
      'telnyx-signature-ed25519': sign(null, signed, this.keys.privateKey).toString('base64'),
      'telnyx-timestamp': String(timestamp),
    };
    if (Math.abs(Date.now() / 1_000 - timestamp) < 250) {
      const sdk = new Telnyx({ apiKey: 'none', publicKey: this.publicKey });
      // It parses what it has verified.
      await sdk.webhooks.unwrap(body, { headers }).catch((error: unknown) => {
        if (!(error instanceof SyntaxError)) throw error;
      });
    }
    return headers;
  }
}
