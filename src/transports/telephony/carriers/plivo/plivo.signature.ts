import { createHmac } from 'node:crypto';
import { signatureHeaders } from '../../../../http/webhook-signature.js';
import {
  sortedFields,
  splitQuery,
  type VerifyWebhook,
  verifyUrlSignature,
} from '../received-request.js';

/** The length of an HMAC-SHA256, in bytes. */
const SIGNATURE_BYTES = 32;

/**
 * Verifies `X-Plivo-Signature-V3`: base64 of HMAC-SHA256 over the URL, the form fields and `X-Plivo-Signature-V3-Nonce`, keyed with the auth token
 * of the account or subaccount. Several signatures are comma-separated, one per token. `X-Plivo-Signature-Ma-V3` is the main account's.
 * https://docs.plivo.com/docs/voice/concepts/signature-validation
 */
export const verifyPlivo: VerifyWebhook = ({ headers, urls, body }, keys) => {
  const header = 'x-plivo-signature-v3';
  const [signatures, nonce] = signatureHeaders(headers, header, 'x-plivo-signature-v3-nonce');
  const given = [signatures, headers['x-plivo-signature-ma-v3'] ?? ''].join(',').split(',');
  let inForm: Buffer | undefined;
  const expected = (url: string, key: string): Buffer => {
    inForm ??= Buffer.from(join(body.toString('utf8'), '', ''));
    return createHmac('sha256', key)
      .update(beforeForm(url, inForm.length > 0))
      .update(inForm)
      .update(`.${nonce}`)
      .digest();
  };
  verifyUrlSignature({ header, given, bytes: SIGNATURE_BYTES, expected }, urls, keys);
};

/** Returns the signed part before the concatenated fields: the URL with its query sorted by name. */
function beforeForm(url: string, hasForm: boolean): string {
  const [beforeQuery, query] = splitQuery(url);
  const inQuery = join(query, '=', '&');
  const mark = inQuery || hasForm ? '?' : '';
  return `${beforeQuery}${mark}${inQuery}${inQuery && hasForm ? '.' : ''}`;
}

const join = (form: string, between: string, separator: string): string =>
  sortedFields(form)
    .flatMap(([name, values]) => values.map((value) => name + between + value))
    .join(separator);
