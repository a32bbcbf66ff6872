import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { types } from 'node:util';
import { attempt } from '../errors/attempt.js';
import { causedBy, textOfThrown } from '../errors/thrown.js';
import { bodyStreamOf, type StreamedRequest } from './body-stream.js';
import { hopByHop } from './hop-by-hop.js';

/** Returns true for a header that is not passed on. @param connection `Connection` header */
function leftOut(connection?: string): (name: string) => boolean {
  const isHopByHop = hopByHop(connection);
  return (name) => name === 'host' || isHopByHop(name);
}

/** Methods that a web-standard request supports. */
export const WEB_METHODS: readonly string[] = [
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
];

/**
 * Converts to a web-standard request, without its key and hop-by-hop headers. The body is streamed.
 *
 * @param path path and query of the new request
 * @param signal aborts when the client is gone
 */
export function webRequest(request: StreamedRequest, path: string, signal: AbortSignal): Request {
  const { method, headers } = request.raw;
  const isLeftOut = leftOut(headers.connection);
  const kept = new Headers();
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || name.startsWith(':')) continue;
    if (isLeftOut(name) || name === 'authorization') continue;
    for (const one of [value].flat()) kept.append(name, one);
  }
  const body = method === 'GET' || method === 'HEAD' ? undefined : bodyStreamOf(request);
  return new Request(`http://session${path}`, {
    method,
    headers: kept,
    body,
    signal,
    ...(body && { duplex: 'half' }),
  });
}

/** Content codings that `fetch()` decodes. */
const DECODED = /^(x-gzip|gzip|deflate|br)$/;

/** True for a response of `fetch()`, whose body is decoded already, though its headers name the encoding. */
function isDecoded({ url, headers }: Response): boolean {
  const codings = headers.get('content-encoding')?.toLowerCase().split(',') ?? [];
  return url !== '' && codings.every((coding) => DECODED.test(coding.trim()));
}

/**
 * Sends a web-standard response. The body is streamed with backpressure.
 * @throws when it cannot be sent, before anything was, or when it is aborted
 */
export async function sendWebResponse(
  answer: Response,
  takeOver: () => ServerResponse,
  { withBody, signal }: { withBody: boolean; signal: AbortSignal },
): Promise<void> {
  if (!(answer instanceof Response) || answer.status < 200 || answer.bodyUsed) {
    throw new TypeError('what it returned is not a web-standard Response that can be sent');
  }
  const body = answer.body && Readable.fromWeb(guarded(answer.body) as never);
  const isLeftOut = leftOut(answer.headers.get('connection') ?? undefined);
  const decoded = isDecoded(answer);
  const response = takeOver();
  for (const [name, value] of answer.headers) {
    if (isLeftOut(name) || (name === 'content-encoding' && decoded)) continue;
    if (name === 'set-cookie') response.appendHeader(name, value);
    else response.setHeader(name, value);
  }
  response.statusCode = answer.status;
  if (body && withBody) return pipeline(body, response, { signal });
  body?.destroy();
  response.end();
}

/** Guards a body stream: its errors and chunks are untrusted, and Node's streams would end the process for some. */
function guarded(body: ReadableStream<unknown>): ReadableStream<unknown> {
  const reader = body.getReader();
  return new ReadableStream(
    {
      async pull(controller) {
        try {
          const { done, value } = await reader.read();
          if (done) return controller.close();
          if (typeof value !== 'string' && !types.isUint8Array(value)) {
            throw new TypeError('a chunk of the body is neither bytes nor text');
          }
          controller.enqueue(value);
        } catch (thrown) {
          throw new Error(textOfThrown(thrown).message, causedBy({ cause: thrown }));
        }
      },
      cancel: () =>
        attempt(
          () => reader.cancel(),
          () => undefined,
        ),
    },
    { highWaterMark: 0 },
  );
}
