import type { IncomingMessage } from 'node:http';
import type { RunnerError } from '../errors/runner.error.js';
import { type HttpRequest, nodeRequest } from './http-request.js';
import { tooLarge } from './request-body.js';

/** The largest body that is left on a request. */
const LEFT = Symbol('LEFT');
type WithLimit = IncomingMessage & { [LEFT]?: number };

/**
 * Leaves the body for the handler to read, and hides it from the framework's parsers.
 * @param done is given a {@link RunnerError} `TOO_LARGE` when the request announces more than the limit
 */
export function leaveBody(
  request: IncomingMessage,
  limitBytes: number,
  done: (error?: RunnerError) => void,
): void {
  const { headers } = request;
  const length = Number(headers['content-length']);
  if (length > limitBytes) return done(tooLarge(limitBytes));
  if (length > 0 || headers['transfer-encoding'] !== undefined) {
    (request as WithLimit)[LEFT] = limitBytes;
  }
  // A parser that sees neither takes the request for one without a body.
  delete headers['content-length'];
  delete headers['transfer-encoding'];
  done();
}

/**
 * The body that {@link leaveBody} left, as it comes in and no faster than it is read; `undefined` when there is none. Past the limit it
 * fails with a {@link RunnerError} `TOO_LARGE`.
 */
export function bodyStreamOf(request: HttpRequest): ReadableStream<Uint8Array> | undefined {
  const node = nodeRequest(request) as WithLimit;
  const limitBytes = node[LEFT];
  if (limitBytes === undefined) return undefined;
  // The default would destroy the connection, on which there is still an answer to send.
  const chunks = node.iterator({ destroyOnReturn: false }) as AsyncIterator<Buffer, undefined>;
  let size = 0;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await chunks.next();
        if (done) return controller.close();
        size += value.length;
        if (size > limitBytes) throw tooLarge(limitBytes);
        controller.enqueue(value);
      },
    },
    { highWaterMark: 0 },
  );
}

/** Whether there is more of a left body to come than anybody has read. */
export function isBodyUnread(request: HttpRequest): boolean {
  const node = nodeRequest(request) as WithLimit;
  return node[LEFT] !== undefined && !node.complete;
}
