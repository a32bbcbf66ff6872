import { describe, expect, it } from '@jest/globals';
import { verifyMetaSignature } from './meta-signature.js';

// GitHub signs the same way under the same header name, and publishes this example:
// https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries#testing-the-webhook-payload-validation
const SECRET = "It's a Secret to Everybody";
const BODY = Buffer.from('Hello, World!');
const SIGNATURE = 'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17';

const given = (signature: string) => ({ 'x-hub-signature-256': signature });

describe('verifyMetaSignature', () => {
  it('takes a published example', () => {
    expect(() => verifyMetaSignature(given(SIGNATURE), BODY, SECRET)).not.toThrow();
  });

  it.each([
    ['no signature', {}, BODY, SECRET],
    ['another body', given(SIGNATURE), Buffer.from('Hello, World?'), SECRET],
    ['another secret', given(SIGNATURE), BODY, 'other'],
    ['the bare hex', given(SIGNATURE.slice(7)), BODY, SECRET],
    ['half a signature', given(SIGNATURE.slice(0, 39)), BODY, SECRET],
    ['an empty one', given('sha256='), BODY, SECRET],
  ])('refuses %s', (_, headers, body, secret) => {
    expect(() => verifyMetaSignature(headers, body, secret)).toThrow(
      expect.objectContaining({ code: 'UNAUTHORIZED' }),
    );
  });
});
