import type { IncomingMessage } from 'node:http';
import type { Http2ServerRequest } from 'node:http2';
import { dumpBody } from '../compat/node-http.js';
import { isInstance, textOfThrown } from '../errors/thrown.js';
import { RunnerError } from '../errors/runner.error.js';
import { exceededJsonLimit, MAX_JSON_DEPTH, MAX_JSON_VALUES } from '../limits/json-limits.js';
import type { ResolvedRunnerOptions } from '../runner.options.js';
import { parseForm } from './form.js';
import { EMPTY_BODY, type RunnerRequest, type TakenBody } from './runner-request.js';

/** The most small chunks of a body. Beyond that, chunks must have a minimum average size, since each takes memory beside its bytes. */
const MAX_SMALL_PIECES = 5_000;
const LEAST_PIECE_BYTES = 100;

/** Limits of request bodies. */
type BodyLimits = Pick<ResolvedRunnerOptions, 'bodyLimitBytes' | 'bodyTimeoutMs'>;

/**
 * Reads and parses the body ahead of the framework's parser, and keeps it with the request. Uses a callback instead of a promise for speed, since
 * every request passes here.
 *
 * @param limits size and time limits; not every server has a time limit of its own (Fastify's is 0, none)
 * @param done receives a {@link RunnerError}: `TOO_LARGE`, also for too many form fields or JSON values, `UNSUPPORTED_MEDIA_TYPE`, or
 * `BAD_REQUEST` when the body is aborted, too slow or nested too deep
 */
export function takeBody(
  runnerRequest: RunnerRequest,
  { bodyLimitBytes: limitBytes, bodyTimeoutMs }: BodyLimits,
  done: (error?: Error) => void,
): void {
  const { raw: request, http } = runnerRequest;
  const some = hasBody(request);
  if (isConsumed(request) && (some || http.body !== undefined)) {
    return takeLeft(runnerRequest, limitBytes, done);
  }
  if (!some) {
    runnerRequest.taken = EMPTY_BODY;
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
    if (!error) return void chunks.push(chunk);
    dumpBody(request);
    settle(error);
  });
  request.on('end', () => {
    if (settled) return;
    const raw = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
    try {
      runnerRequest.taken = takenOf(request, raw);
      settle();
    } catch (error) {
      settle(error as RunnerError);
    }
  });
  const broken = () => {
    // Every request closes in the end, and creating an error each time would be expensive.
    if (!settled) settle(new RunnerError('BAD_REQUEST', 'The request body broke off.'));
  };
  request.on('error', broken).on('close', broken);
}

/**
 * Leaves a body of any type for the handler to stream (`bodyStreamOf`).
 * @param done receives a {@link RunnerError} `TOO_LARGE` for a content length over the limit
 */
export function leaveBody(
  runnerRequest: RunnerRequest,
  { bodyLimitBytes: limitBytes }: BodyLimits,
  done: (error?: Error) => void,
): void {
  const { raw: request } = runnerRequest;
  const { headers } = request;
  const some = hasBody(request);
  if (some && isConsumed(request)) return takeLeft(runnerRequest, limitBytes, done);
  if (announcedBytes(request) > limitBytes) return done(tooLarge(limitBytes));
  const left = { leftBytes: limitBytes, announcedBytes: announcedBytes(request) };
  runnerRequest.taken = some ? { ...EMPTY_BODY, ...left } : EMPTY_BODY;
  // Hides the body from Express' parsers.
  delete headers['content-length'];
  delete headers['transfer-encoding'];
  done();
}

/** True for a request with a body, which HTTP/2 need not announce. */
export function hasBody(request: IncomingMessage): boolean {
  // An HTTP/1 request may call itself HTTP/2.0.
  const { stream } = request as Partial<Pick<Http2ServerRequest, 'stream'>>;
  if (stream) return !stream.endAfterHeaders;
  return announcedBytes(request) > 0 || request.headers['transfer-encoding'] !== undefined;
}

const announcedBytes = ({ headers }: IncomingMessage): number =>
  Number(headers['content-length'] ?? 0);

const isConsumed = (request: IncomingMessage): boolean =>
  request.readableDidRead || request.readableEnded;

/** Uses a body that was read before, by the host or a serverless platform. */
function takeLeft(
  runnerRequest: RunnerRequest,
  limitBytes: number,
  done: (error?: Error) => void,
): void {
  const { raw: request, http } = runnerRequest;
  const { body, rawBody } = http;
  const bytes = rawBody ?? body;
  try {
    if (typeof bytes === 'string' || bytes instanceof Uint8Array) {
      const raw = Buffer.from(bytes as string);
      if (raw.length > limitBytes) throw tooLarge(limitBytes);
      runnerRequest.taken = takenOf(request, raw, true);
    } else if (body === undefined) {
      throw new Error('Something read the body of a request before the runner and kept nothing.');
    } else {
      runnerRequest.taken = { raw: undefined, parsed: { value: body } };
    }
  } catch (error) {
    return done(isInstance(error, Error) ? error : new Error(textOfThrown(error).text));
  }
  done();
}

const takenOf = (request: IncomingMessage, raw: Buffer, isDecoded = false): TakenBody =>
  raw.length > 0 ? { raw, parsed: parse(request, raw, isDecoded) } : EMPTY_BODY;

/** Returns the media type of a body, in lower case and without parameters; '' for none. */
export const mediaTypeOf = (headers: IncomingMessage['headers']): string =>
  (headers['content-type'] ?? '').split(';', 1)[0]!.trim().toLowerCase();

/** Parses JSON whatever its media type, since scripts often set none. A form is parsed as JSON if it begins like JSON. */
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

/** Counts bytes and chunks of a body. */
export class BodyCounter {
  private bytes = 0;
  private pieces = 0;

  constructor(private readonly limitBytes: number) {}

  /** @returns `TOO_LARGE` past the limits */
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
