import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import {
  decodeSignature,
  refusedWebhook,
  refuseReplay,
  signatureHeaders,
} from '../../../../http/webhook-signature.js';
import type { VerifyWebhook } from '../received-request.js';

/** The length of an Ed25519 signature, in bytes. */
const SIGNATURE_BYTES = 64;

/**
 * Verifies `telnyx-signature-ed25519`: base64 of the Ed25519 signature of `<telnyx-timestamp>|<body>`.
 * https://developers.telnyx.com/docs/messaging/messages/receiving-webhooks#webhook-signing
 */
export const verifyTelnyx: VerifyWebhook = ({ headers, body }, keys) => {
  const [signature, timestamp] = signatureHeaders(
    headers,
    'telnyx-signature-ed25519',
    'telnyx-timestamp',
  );
  refuseReplay('telnyx-timestamp', Number(timestamp) * 1_000);
  const given = decodeSignature(signature, SIGNATURE_BYTES);
  if (!given || !isGenuine(given, Buffer.concat([Buffer.from(`${timestamp}|`), body]), keys)) {
    throw refusedWebhook('telnyx-signature-ed25519 does not match the body');
  }
};

const isGenuine = (given: Buffer, signed: Buffer, keys: readonly string[]): boolean =>
  keys.some((key) => verify(null, signed, telnyxPublicKey(key), given));

/** @param base64 the 32-byte public key from Telnyx' portal @throws for anything else */
const telnyxPublicKey = (base64: string): KeyObject =>
  createPublicKey({
    key: { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(base64, 'base64').toString('base64url') },
    format: 'jwk',
  });

/** True for a public key of Telnyx. */
export function isTelnyxKey(base64: string): boolean {
  try {
    return telnyxPublicKey(base64).asymmetricKeyType === 'ed25519';
  } catch {
    return false;
  }
}
