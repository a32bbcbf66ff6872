import type { IncomingMessage } from 'node:http';
import { RunnerError } from '../errors/runner.error.js';
import { exceededJsonLimit, MAX_JSON_DEPTH } from '../limits/json-limits.js';

/** Largest JSON in `?body=`, in bytes once decoded. */
const MAX_BODY_PARAM_BYTES = 4_096;

/** Returns the token of a connection: `Authorization: Bearer`, then `?token=`, then the path segment. */
export function extractToken(
  request: IncomingMessage,
  pathToken: string | undefined,
): string | undefined {
  const bearer = /^bearer +(\S+)\s*$/i.exec(request.headers.authorization ?? '')?.[1];
  return bearer ?? (param(request, 'token') || undefined) ?? pathToken;
}

/** Returns the session id in `?session_id=`. */
export function sessionIdParam(request: IncomingMessage): string | undefined {
  return param(request, 'session_id') || undefined;
}

/**
 * Decodes `?body=<base64 JSON>`, standard or URL-safe base64, Pipecat Cloud's way to pass the bot's body in the URL.
 * @throws {RunnerError} `BAD_REQUEST` for malformed base64 or JSON, too large or nested too deep
 */
export function decodeBodyParam(request: IncomingMessage): unknown {
  // URLSearchParams decodes "+" as a space.
  const encoded = param(request, 'body')?.replace(/ /g, '+');
  if (!encoded) return undefined;
  if (!/^[\w+/-]+={0,2}$/.test(encoded)) throw new RunnerError('BAD_REQUEST', 'body is not base64');
  const json = Buffer.from(encoded, 'base64');
  if (json.length > MAX_BODY_PARAM_BYTES) {
    throw new RunnerError('BAD_REQUEST', `body is larger than ${MAX_BODY_PARAM_BYTES} bytes`);
  }
  const text = json.toString('utf8');
  // The size limit implies the limit of values.
  if (exceededJsonLimit(text)) {
    throw new RunnerError('BAD_REQUEST', `body is nested deeper than ${MAX_JSON_DEPTH}`);
  }
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new RunnerError('BAD_REQUEST', 'body is not JSON');
  }
}

function param(request: IncomingMessage, name: string): string | undefined {
  const url = request.url ?? '';
  const start = url.indexOf('?');
  if (start === -1) return undefined;
  return new URLSearchParams(url.slice(start)).get(name) ?? undefined;
}
