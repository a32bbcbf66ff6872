import { createHmac } from 'node:crypto';
import type { CallData } from '../../../../bot/call-data.js';
import {
  decodeSignature,
  isSignature,
  refusedWebhook,
  refuseReplay,
  signatureHeaders,
} from '../../../../http/webhook-signature.js';
import type { ReceivedRequest } from '../received-request.js';

/** Credentials of an AudioHook or Audio Connector integration: `GENESYS_API_KEY`, `GENESYS_CLIENT_SECRET`. */
export interface GenesysAccount {
  /** API key, expected in `X-API-KEY`. */
  readonly apiKey: string;
  /** Client secret in base64. When set, unsigned upgrades are refused. */
  readonly clientSecret?: string;
}

/** The length of an HMAC-SHA256, in bytes. */
const SIGNATURE_BYTES = 32;
/** Components that a signature must cover: https://developer.genesys.cloud/devapps/audiohook/security. */
const COVERED = [
  '@request-target',
  '@authority',
  'audiohook-organization-id',
  'audiohook-session-id',
  'audiohook-correlation-id',
  'x-api-key',
];
/** Grammar of `Signature-Input`: quoted components, then parameters. */
const INPUT = /^([a-z][\w.*-]*)=(\(((?:"[^"]*" ?)*)\)((?:;[a-z]+=(?:"[^"]*"|\d+))*))$/;

/** Verifies that a connection comes from Genesys, and that its `open` names the signed session. @throws {RunnerError} `UNAUTHORIZED` */
export function verifyGenesys(
  request: ReceivedRequest,
  { apiKey, clientSecret }: GenesysAccount,
  call: CallData,
): void {
  const [key] = signatureHeaders(request.headers, 'x-api-key');
  if (!isSignature(Buffer.from(key), Buffer.from(apiKey))) {
    throw refusedWebhook('x-api-key is not that of credentials.genesys');
  }
  if (clientSecret === undefined) return;
  verifySignature(request, Buffer.from(clientSecret, 'base64'));
  const { 'audiohook-organization-id': organization, 'audiohook-session-id': session } =
    request.headers;
  if (organization !== call.organization_id || session !== call.stream_id) {
    throw refusedWebhook('the session is not the one that was signed');
  }
}

/** Verifies an HTTP Message Signature (RFC 9421), hmac-sha256, without component parameters. */
function verifySignature({ headers, urls }: ReceivedRequest, secret: Buffer): void {
  const [input, signature] = signatureHeaders(headers, 'signature-input', 'signature');
  const [, label, inner, quoted = '', rest = ''] = INPUT.exec(input) ?? [];
  if (inner === undefined) throw refusedWebhook('signature-input cannot be read');
  const components = [...quoted.matchAll(/"([^"]*)"/g)].map(([, name]) => name!);
  const missing = COVERED.find((name) => !components.includes(name));
  if (missing !== undefined) throw refusedWebhook(`the signature does not cover ${missing}`);
  const parameters = new Map(
    [...rest.matchAll(/;([a-z]+)="?([^";]*)"?/g)].map(([, name, value]) => [name, value]),
  );
  refuseReplay('created', Number(parameters.get('created')) * 1_000);
  if (Number(parameters.get('expires')) * 1_000 <= Date.now()) {
    throw refusedWebhook('the signature has expired');
  }
  const alg = parameters.get('alg') ?? 'hmac-sha256';
  const [, signedLabel, base64 = ''] = /^([^=]*)=:([^:]*):$/.exec(signature) ?? [];
  const given =
    signedLabel === label && alg === 'hmac-sha256'
      ? decodeSignature(base64, SIGNATURE_BYTES)
      : undefined;
  const isGenuine = urls.some((url) => {
    const [, authority, target] = /^https?:\/\/([^/?]*)(.*)$/.exec(url) ?? [];
    const lines = components.map((name) => {
      const value =
        name === '@authority'
          ? authority?.toLowerCase()
          : name === '@request-target'
            ? target
            : headers[name]?.toString().trim();
      return `"${name}": ${value}\n`;
    });
    const signed = `${lines.join('')}"@signature-params": ${inner}`;
    return given && isSignature(given, createHmac('sha256', secret).update(signed).digest());
  });
  if (!isGenuine) throw refusedWebhook('the signature does not match the request');
}
