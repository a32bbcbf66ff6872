import { PassThrough, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Busboy, type BusboyInstance } from '@fastify/busboy';
import mimeTypes from 'mime-types';
import type { FileUpload } from '../bot/file-storage.js';
import { RunnerError } from '../errors/runner.error.js';
import { isInstance } from '../errors/thrown.js';
import { within } from '../errors/attempt.js';
import { bodyStreamOf } from '../http/body-stream.js';
import { mediaTypeOf } from '../http/request-body.js';
import type { RunnerRequest } from '../http/runner-request.js';
import { InvalidFieldsError } from '../validation/invalid-fields.error.js';

/** Name of the form field with the file. */
const FIELD = 'file';
/** The most parts of a form, and the most bytes beside the file. */
const MAX_PARTS = 20;
const MAX_FORM_BYTES = 65_536;
/** Time for a storage to clean up after an upload that failed, in milliseconds, before the client is answered. */
const CLEANUP_MS = 1_000;

/** Limits of a form with one file. */
export interface FormLimits {
  /** Largest file, in bytes. */
  readonly maxBytes: number;
  /** Aborts the upload with its reason. */
  readonly signal: AbortSignal;
}

/**
 * Parses a `multipart/form-data` body with the one field `file`, and streams the file to `save` with backpressure. Other fields are ignored.
 * @returns the result of `save`
 * @throws {RunnerError} `UNSUPPORTED_MEDIA_TYPE`, `BAD_REQUEST`, `INVALID_FIELDS` or `TOO_LARGE`; the reason of the signal; the error of `save`
 */
export async function saveFormFile<T>(
  request: RunnerRequest,
  { maxBytes, signal }: FormLimits,
  save: (file: FileUpload) => Promise<T>,
): Promise<T> {
  if ((request.taken?.announcedBytes ?? 0) > maxBytes + MAX_FORM_BYTES) throw tooLarge(maxBytes);
  const parser = parserOf(request, maxBytes);
  const body = bodyStreamOf(request, maxBytes + MAX_FORM_BYTES);
  if (!body) throw noFile();
  const content = new PassThrough();
  const over = new AbortController();
  let saved: Promise<T> | undefined;
  try {
    return await new Promise<T>((resolve, reject) => {
      const abort = (): void => reject(signal.reason as Error);
      if (signal.aborted) abort();
      signal.addEventListener('abort', abort, { signal: over.signal });
      parser.on('partsLimit', () => {
        // Thrown out of the parser's write, since each of the thousands of parts in one chunk takes it time.
        throw new RunnerError('TOO_LARGE', `The form has more than ${MAX_PARTS} parts.`);
      });
      parser.on('file', (field, part, name, _encoding, type) => {
        // A truncated body is the parser's error too.
        part.on('error', () => undefined);
        if (field !== FIELD || saved) return reject(noFile());
        part.on('limit', () => reject(tooLarge(maxBytes)));
        // It ends with the form, since a form that breaks off leaves nothing.
        part.pipe(content, { end: false });
        const fileName = nameOf(name);
        saved = save({ name: fileName, format: formatOf(fileName, type), content });
        saved.then(resolve, reject);
      });
      pipeline(Readable.fromWeb(body as never), passOn, parser, { signal: over.signal }).then(
        () => (saved ? content.end() : reject(noFile())),
        (error) => reject(isInstance(error, RunnerError) ? error : malformed(error)),
      );
    });
  } catch (error) {
    content.on('error', () => undefined).destroy(isInstance(error, Error) ? error : undefined);
    if (saved) await within(CLEANUP_MS, saved, () => new Error()).catch(() => undefined);
    throw error;
  } finally {
    over.abort();
  }
}

/** Has `pipeline` catch what the parser throws, which a stream that is piped to it would not. */
async function* passOn(source: AsyncIterable<unknown>): AsyncGenerator<unknown> {
  yield* source;
}

function parserOf({ headers }: RunnerRequest, maxBytes: number): BusboyInstance {
  if (mediaTypeOf(headers) !== 'multipart/form-data') {
    throw new RunnerError(
      'UNSUPPORTED_MEDIA_TYPE',
      `Send multipart/form-data with the file in the field ${FIELD}.`,
    );
  }
  try {
    return new Busboy({
      headers: { 'content-type': headers['content-type']! },
      limits: {
        fileSize: maxBytes,
        parts: MAX_PARTS,
        fieldSize: MAX_FORM_BYTES,
        headerPairs: MAX_PARTS,
        headerSize: MAX_FORM_BYTES,
      },
    });
  } catch (error) {
    throw malformed(error);
  }
}

/** Returns a file name that is safe to show: no path, no control or direction characters. */
function nameOf(given = ''): string {
  const name = given.replace(/[\p{Cc}\p{Cf}]/gu, '').replace(/^.*[/\\]/, '');
  return /^\.{0,2}$/.test(name) ? 'file' : [...name].slice(0, 255).join('');
}

/** Returns the media type of a file: by its name, or else that of its part. */
const formatOf = (name: string, type: string): string =>
  mimeTypes.lookup(name) ||
  (/^[\w.+-]{1,60}\/[\w.+-]{1,60}$/.test(type) ? type : 'application/octet-stream');

const tooLarge = (maxBytes: number): RunnerError =>
  new RunnerError('TOO_LARGE', `The file is larger than ${maxBytes} bytes.`);

const noFile = (): RunnerError =>
  new InvalidFieldsError([{ field: FIELD, message: 'must be one file, and the only one' }]);

const malformed = (cause: unknown): RunnerError =>
  new RunnerError('BAD_REQUEST', 'The body is not complete multipart/form-data.', { cause });
