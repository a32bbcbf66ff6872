import { createHmac } from 'node:crypto';
import { isSignature, refusedWebhook, signatureHeaders } from '../../../http/webhook-signature.js';
import { sortedFields, splitQuery, type VerifyWebhook } from './received-webhook.js';

/**
 * `X-Plivo-Signature-V3`: base64 of HMAC-SHA256 over the URL, the form fields and `X-Plivo-Signature-V3-Nonce`, with the auth token of the
 * account or subaccount; several signatures, for several tokens, are separated by commas. `X-Plivo-Signature-Ma-V3` is the main account's.
 * https://docs.plivo.com/docs/voice/concepts/signature-validation
 */
export const verifyPlivo: VerifyWebhook = ({ headers, urls, body }, keys) => {
  const [signatures, nonce] = signatureHeaders(
    headers,
    'x-plivo-signature-v3',
    'x-plivo-signature-v3-nonce',
  );
  const given = [signatures, headers['x-plivo-signature-ma-v3'] ?? '']
    .join(',')
    .split(',')
    .map((signature) => Buffer.from(signature, 'base64'));
  const form = body.toString('utf8');
  const isGenuine = urls.some((url) =>
    keys.some((key) => {
      const expected = createHmac('sha256', key)
        .update(`${signedText(url, form)}.${nonce}`)
        .digest();
      return given.some((signature) => isSignature(signature, expected));
    }),
  );
  if (!isGenuine) {
    const [url] = splitQuery(urls[0]!);
    throw refusedWebhook(`x-plivo-signature-v3 does not match the body and the URL ${url}`);
  }
};

/** The URL with its query in the order of the names, then the fields, without anything between them. */
function signedText(url: string, form: string): string {
  const [beforeQuery, query] = splitQuery(url);
  const inQuery = join(query, '=', '&');
  const inForm = join(form, '', '');
  const mark = inQuery || inForm ? '?' : '';
  return `${beforeQuery}${mark}${inQuery}${inQuery && inForm ? '.' : ''}${inForm}`;
}

const join = (form: string, between: string, separator: string): string =>
  sortedFields(form)
    .flatMap(([name, values]) => values.map((value) => name + between + value))
    .join(separator);
