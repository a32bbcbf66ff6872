import { createHmac } from 'node:crypto';
import {
  decodeSignature,
  isSignature,
  refusedWebhook,
  signatureHeaders,
} from '../../../../http/webhook-signature.js';
import {
  type ReceivedRequest,
  sortedFields,
  splitQuery,
  type VerifyWebhook,
} from '../received-request.js';

/** The length of an HMAC-SHA256, in bytes. */
const SIGNATURE_BYTES = 32;

/**
 * Verifies `X-Plivo-Signature-V3`: base64 of HMAC-SHA256 over the URL, the form fields and `X-Plivo-Signature-V3-Nonce`, keyed with the auth token
 * of the account or subaccount. Several signatures are comma-separated, one per token. `X-Plivo-Signature-Ma-V3` is the main account's.
 * https://docs.plivo.com/docs/voice/concepts/signature-validation
 */
export const verifyPlivo: VerifyWebhook = (webhook, keys) => {
  const { headers, urls } = webhook;
  const [signatures, nonce] = signatureHeaders(
    headers,
    'x-plivo-signature-v3',
    'x-plivo-signature-v3-nonce',
  );
  const given = [signatures, headers['x-plivo-signature-ma-v3'] ?? '']
    .join(',')
    .split(',')
    .flatMap((signature) => decodeSignature(signature, SIGNATURE_BYTES) ?? []);
  if (given.length === 0 || !isGenuine(given, webhook, keys, nonce)) {
    const [url] = splitQuery(urls[0]!);
    throw refusedWebhook(`x-plivo-signature-v3 does not match the body and the URL ${url}`);
  }
};

/** True when one of the signatures matches. Signed are the URL with its query sorted by name, and the concatenated fields. */
function isGenuine(
  given: readonly Buffer[],
  { urls, body }: ReceivedRequest,
  keys: readonly string[],
  nonce: string,
): boolean {
  const inForm = Buffer.from(join(body.toString('utf8'), '', ''));
  return urls.some((url) => {
    const [beforeQuery, query] = splitQuery(url);
    const inQuery = join(query, '=', '&');
    const mark = inQuery || inForm.length > 0 ? '?' : '';
    const beforeForm = `${beforeQuery}${mark}${inQuery}${inQuery && inForm.length > 0 ? '.' : ''}`;
    return keys.some((key) => {
      const expected = createHmac('sha256', key)
        .update(beforeForm)
        .update(inForm)
        .update(`.${nonce}`)
        .digest();
      return given.some((signature) => isSignature(signature, expected));
    });
  });
}

const join = (form: string, between: string, separator: string): string =>
  sortedFields(form)
    .flatMap(([name, values]) => values.map((value) => name + between + value))
    .join(separator);
