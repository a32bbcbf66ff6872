import { isInstance, textOfThrown } from '../errors/thrown.js';
import type { IncomingMessage } from 'node:http';
import type { Http2ServerRequest } from 'node:http2';
import { RunnerError } from '../errors/runner.error.js';
import { exceededJsonLimit, MAX_JSON_DEPTH, MAX_JSON_VALUES } from '../limits/json-limits.js';
import type { ResolvedRunnerOptions } from '../runner.options.js';
import { parseForm } from './form.js';
import { type HttpRequest, nodeRequest } from './http-request.js';

/** A body may come in so many pieces, however small; more must be of so many bytes on average, for each takes memory beside them. */
const MAX_SMALL_PIECES = 10_000;
const LEAST_PIECE_BYTES = 100;

/** A request body as the runner took it off the wire, left it there, or got it from whoever took it before. */
interface TakenBody {
  /** `undefined` where somebody took it before and kept only what it says. */
  readonly raw: Buffer | undefined;
  readonly parsed: { readonly value: unknown } | { readonly malformed: RunnerError };
  /** How much of it the handler may read, where it was left. */
  readonly leftBytes?: number;
}

/** What is left of a body that was taken before. */
type LeftBody = Pick<HttpRequest, 'body' | 'rawBody'>;

/** What the options say of request bodies. */
type BodyLimits = Pick<ResolvedRunnerOptions, 'bodyLimitBytes' | 'bodyTimeoutMs'>;

/** Where the body hangs on Node's request; a property costs each request less than a WeakMap. */
const TAKEN = Symbol('TAKEN');
type WithBody = IncomingMessage & { [TAKEN]?: TakenBody };

const EMPTY: TakenBody = { raw: Buffer.alloc(0), parsed: { value: {} } };

/**
 * The parsed body of a request; an empty one counts as `{}`.
 * @param whenMalformed taken instead of JSON that cannot be parsed
 * @throws {RunnerError} `BAD_REQUEST` for malformed JSON
 */
export function bodyOf(request: HttpRequest, whenMalformed?: object): unknown {
  const { parsed } = (nodeRequest(request) as WithBody)[TAKEN] ?? EMPTY;
  if ('value' in parsed) return parsed.value;
  if (whenMalformed) return whenMalformed;
  throw parsed.malformed;
}

/**
 * The body's bytes exactly as they arrived, for signatures.
 * @throws {Error} when something parsed the body before the runner saw it, and kept no copy
 */
export function rawBodyOf(request: HttpRequest): Buffer {
  const { raw } = (nodeRequest(request) as WithBody)[TAKEN] ?? EMPTY;
  if (raw) return raw;
  throw new Error(
    'The bytes of a request are needed, but something parsed its body before the runner and kept none: keep them as request.rawBody, such as with ' +
      'express.json({ verify: (request, _response, bytes) => { request.rawBody = bytes; } }), or parse bodies after NestFactory.create().',
  );
}

/** How much of the body of this request there may be to read, in bytes, if {@link leaveBody} left one. */
export const leftBytesOf = (request: IncomingMessage): number | undefined =>
  (request as WithBody)[TAKEN]?.leftBytes;

/** Whether the body of this request is no business of the framework: {@link takeBody} has read it, or {@link leaveBody} left it. */
export const isBodyTaken = (request: IncomingMessage): boolean =>
  (request as WithBody)[TAKEN] !== undefined;

/**
 * Reads and parses the body ahead of the framework's own parser, and keeps it for {@link bodyOf}. A callback instead of a
 * promise, because every request comes through here.
 *
 * @param limits how large it may be, and how long it may take; not every server has a limit of its own for that (Fastify's is 0, none)
 * @param done is given a {@link RunnerError}: `TOO_LARGE`, also for too many form fields or JSON values, `UNSUPPORTED_MEDIA_TYPE`, or
 * `BAD_REQUEST` when it breaks off, takes too long or nests too deep
 * @param left what there is of a body that was taken before
 */
export function takeBody(
  request: IncomingMessage,
  { bodyLimitBytes: limitBytes, bodyTimeoutMs }: BodyLimits,
  done: (error?: Error) => void,
  left: LeftBody = {},
): void {
  const some = hasBody(request);
  if (isConsumed(request) && (some || left.body !== undefined)) {
    return takeLeft(request, limitBytes, done, left);
  }
  if (!some) {
    (request as WithBody)[TAKEN] = EMPTY;
    return done();
  }
  if (announcedBytes(request) > limitBytes) return done(tooLarge(limitBytes));

  const chunks: Buffer[] = [];
  const counter = new BodyCounter(limitBytes);
  let settled = false;
  const settle = (error?: RunnerError) => {
    if (settled) return;
    settled = true;
    clearTimeout(timer);
    done(error);
  };
  const timer = setTimeout(
    () => settle(new RunnerError('BAD_REQUEST', 'The request body took too long.')),
    bodyTimeoutMs,
  );
  request.on('data', (chunk: Buffer) => {
    if (settled) return;
    const error = counter.add(chunk);
    if (error) settle(error);
    else chunks.push(chunk);
  });
  request.on('end', () => {
    if (settled) return;
    const raw = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
    try {
      (request as WithBody)[TAKEN] = takenOf(request, raw);
      settle();
    } catch (error) {
      settle(error as RunnerError);
    }
  });
  const broken = () => {
    // Every request closes in the end; an error made each time would cost more than all the rest.
    if (!settled) settle(new RunnerError('BAD_REQUEST', 'The request body broke off.'));
  };
  request.on('error', broken).on('close', broken);
}

/**
 * Leaves the body for the handler to read (`bodyStreamOf`), of whatever type it is.
 * @param done is given a {@link RunnerError} `TOO_LARGE` when more is announced than the limit
 * @param left what there is of a body that was taken before
 */
export function leaveBody(
  request: IncomingMessage,
  { bodyLimitBytes: limitBytes }: BodyLimits,
  done: (error?: Error) => void,
  left: LeftBody = {},
): void {
  const { headers } = request;
  const some = hasBody(request);
  if (some && isConsumed(request)) return takeLeft(request, limitBytes, done, left);
  if (announcedBytes(request) > limitBytes) return done(tooLarge(limitBytes));
  (request as WithBody)[TAKEN] = some ? { ...EMPTY, leftBytes: limitBytes } : EMPTY;
  // Express' parsers would read what they see announced.
  delete headers['content-length'];
  delete headers['transfer-encoding'];
  done();
}

/** HTTP/2 need not announce a body. */
function hasBody(request: IncomingMessage): boolean {
  if (request.httpVersionMajor >= 2) {
    return !(request as unknown as Http2ServerRequest).stream.endAfterHeaders;
  }
  return announcedBytes(request) > 0 || request.headers['transfer-encoding'] !== undefined;
}

const announcedBytes = ({ headers }: IncomingMessage): number =>
  Number(headers['content-length'] ?? 0);

const isConsumed = (request: IncomingMessage): boolean =>
  request.readableDidRead || request.readableEnded;

/** Takes a body from whoever took it off the wire. */
function takeLeft(
  request: IncomingMessage,
  limitBytes: number,
  done: (error?: Error) => void,
  { body, rawBody }: LeftBody,
): void {
  const bytes = rawBody ?? body;
  try {
    if (typeof bytes === 'string' || bytes instanceof Uint8Array) {
      const raw = Buffer.from(bytes as string);
      if (raw.length > limitBytes) throw tooLarge(limitBytes);
      (request as WithBody)[TAKEN] = takenOf(request, raw, true);
    } else if (body === undefined) {
      throw new Error('Something read the body of a request before the runner and kept nothing.');
    } else {
      (request as WithBody)[TAKEN] = { raw: undefined, parsed: { value: body } };
    }
  } catch (error) {
    return done(isInstance(error, Error) ? error : new Error(textOfThrown(error).text));
  }
  done();
}

const takenOf = (request: IncomingMessage, raw: Buffer, isDecoded = false): TakenBody =>
  raw.length > 0 ? { raw, parsed: parse(request, raw, isDecoded) } : EMPTY;

/** The media type of a body, in lower case and without parameters; '' for none. */
export const mediaTypeOf = (headers: IncomingMessage['headers']): string =>
  (headers['content-type'] ?? '').split(';', 1)[0]!.trim().toLowerCase();

/** Reads JSON whatever it is called, for scripts do not say what they send; a form is what does not begin like JSON. */
function parse(request: IncomingMessage, raw: Buffer, isDecoded: boolean): TakenBody['parsed'] {
  if (!isDecoded && (request.headers['content-encoding'] ?? 'identity') !== 'identity') {
    throw unsupported('Send the body without Content-Encoding.');
  }
  const text = raw.toString('utf8');
  const isForm = mediaTypeOf(request.headers) === 'application/x-www-form-urlencoded';
  if (isForm && !/^\s*[{[]/.test(text)) {
    return { value: Object.fromEntries(parseForm(text)) };
  }
  const exceeded = exceededJsonLimit(text);
  if (exceeded === 'depth') {
    throw new RunnerError('BAD_REQUEST', `JSON nested deeper than ${MAX_JSON_DEPTH} is refused.`);
  }
  if (exceeded === 'values') {
    throw new RunnerError('TOO_LARGE', `JSON of more than ${MAX_JSON_VALUES} values is refused.`);
  }
  try {
    return { value: JSON.parse(text) as unknown };
  } catch {
    return { malformed: new RunnerError('BAD_REQUEST', 'The body is not valid JSON.') };
  }
}

/** Counts what comes in of a body, in bytes and in pieces. */
export class BodyCounter {
  private bytes = 0;
  private pieces = 0;

  constructor(private readonly limitBytes: number) {}

  /** @returns `TOO_LARGE` when it is too much */
  add({ length }: Uint8Array): RunnerError | undefined {
    this.bytes += length;
    this.pieces++;
    if (this.bytes > this.limitBytes) return tooLarge(this.limitBytes);
    if (this.pieces <= MAX_SMALL_PIECES || this.bytes >= this.pieces * LEAST_PIECE_BYTES) {
      return undefined;
    }
    return new RunnerError(
      'TOO_LARGE',
      `The request body comes in more than ${MAX_SMALL_PIECES} pieces of fewer than ${LEAST_PIECE_BYTES} bytes.`,
    );
  }
}

const tooLarge = (limitBytes: number) =>
  new RunnerError('TOO_LARGE', `The request body is larger than ${limitBytes} bytes.`);

const unsupported = (message: string) => new RunnerError('UNSUPPORTED_MEDIA_TYPE', message);
