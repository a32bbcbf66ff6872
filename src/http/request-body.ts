import type { IncomingMessage } from 'node:http';
import { RunnerError } from '../errors/runner.error.js';
import { type HttpRequest, nodeRequest } from './http-request.js';

/** How deep JSON may nest before it is refused. */
export const MAX_JSON_DEPTH = 200;

/** A request body as the runner took it off the wire. */
interface TakenBody {
  readonly raw: Buffer;
  readonly parsed: { readonly value: unknown } | { readonly malformed: RunnerError };
}

const bodies = new WeakMap<IncomingMessage, TakenBody>();
const EMPTY: TakenBody = { raw: Buffer.alloc(0), parsed: { value: {} } };

/**
 * The parsed body of a request; an empty one counts as `{}`.
 * @param whenMalformed taken instead of JSON that cannot be parsed
 * @throws {RunnerError} `BAD_REQUEST` for malformed JSON
 */
export function bodyOf(request: HttpRequest, whenMalformed?: object): unknown {
  const { parsed } = bodies.get(nodeRequest(request)) ?? EMPTY;
  if ('value' in parsed) return parsed.value;
  if (whenMalformed) return whenMalformed;
  throw parsed.malformed;
}

/** The body's bytes exactly as they arrived, for signatures. */
export function rawBodyOf(request: HttpRequest): Buffer {
  return (bodies.get(nodeRequest(request)) ?? EMPTY).raw;
}

/**
 * Reads and parses the body ahead of the framework's own parser, and keeps it for {@link bodyOf}.
 * @throws {RunnerError} `TOO_LARGE`, `UNSUPPORTED_MEDIA_TYPE`, or `BAD_REQUEST` when it nests too deep
 */
export async function takeBody(request: IncomingMessage, limitBytes: number): Promise<void> {
  const length = Number(request.headers['content-length']);
  const chunked = request.headers['transfer-encoding'] !== undefined;
  if (!chunked && !(length > 0)) return;
  if (length > limitBytes) throw tooLarge(limitBytes);
  const raw = await read(request, limitBytes);
  if (raw.length > 0) bodies.set(request, { raw, parsed: parse(request, raw) });
}

function parse(request: IncomingMessage, raw: Buffer): TakenBody['parsed'] {
  if ((request.headers['content-encoding'] ?? 'identity') !== 'identity') {
    throw unsupported('Send the body without Content-Encoding.');
  }
  const type = (request.headers['content-type'] ?? '').split(';', 1)[0]!.trim().toLowerCase();
  const text = raw.toString('utf8');
  if (type === 'application/x-www-form-urlencoded') {
    return { value: Object.fromEntries(new URLSearchParams(text)) };
  }
  if (type !== 'application/json' && !type.endsWith('+json')) {
    throw unsupported(
      'Send the body as application/json (or application/x-www-form-urlencoded) and say so in Content-Type.',
    );
  }
  if (raw.length > 2 * MAX_JSON_DEPTH && depthOf(text) > MAX_JSON_DEPTH) {
    throw new RunnerError('BAD_REQUEST', `JSON nested deeper than ${MAX_JSON_DEPTH} is refused.`);
  }
  try {
    return { value: JSON.parse(text) as unknown };
  } catch {
    return { malformed: new RunnerError('BAD_REQUEST', 'The body is not valid JSON.') };
  }
}

function read(request: IncomingMessage, limitBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const settle = (outcome: () => void) => {
      request.off('data', onData).off('end', onEnd).off('error', onError).off('close', onError);
      outcome();
    };
    const onData = (chunk: Buffer) => {
      size += chunk.length;
      if (size > limitBytes) settle(() => reject(tooLarge(limitBytes)));
      else chunks.push(chunk);
    };
    const onEnd = () =>
      settle(() => resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, size)));
    const onError = () =>
      settle(() => reject(new RunnerError('BAD_REQUEST', 'The request body broke off.')));
    request.on('data', onData).on('end', onEnd).on('error', onError).on('close', onError);
  });
}

/** The deepest nesting of brackets outside strings. */
function depthOf(json: string): number {
  let depth = 0;
  let deepest = 0;
  let inString = false;
  for (let i = 0; i < json.length; i++) {
    const char = json.charCodeAt(i);
    if (inString) {
      if (char === 0x5c) i++;
      else if (char === 0x22) inString = false;
    } else if (char === 0x22) inString = true;
    else if (char === 0x7b || char === 0x5b) deepest = Math.max(deepest, ++depth);
    else if (char === 0x7d || char === 0x5d) depth--;
  }
  return deepest;
}

const tooLarge = (limitBytes: number) =>
  new RunnerError('TOO_LARGE', `The request body is larger than ${limitBytes} bytes.`);

const unsupported = (message: string) => new RunnerError('UNSUPPORTED_MEDIA_TYPE', message);
