import { dumpBody } from '../compat/node-http.js';
import { BodyCounter } from './request-body.js';
import type { RunnerRequest } from './runner-request.js';

/** Request whose body can be streamed. */
export type StreamedRequest = Pick<RunnerRequest, 'method' | 'raw' | 'taken' | 'rawBody'>;

/**
 * Streams a body that was left on the wire, with backpressure; `undefined` for no body. Past its limits the stream fails with a
 * `RunnerError` `TOO_LARGE`.
 * @param limitBytes limit of a body that was left without one
 */
export function bodyStreamOf(
  request: StreamedRequest,
  limitBytes = request.taken?.leftBytes ?? 0,
): ReadableStream<Uint8Array> | undefined {
  if (request.taken?.leftBytes === undefined) {
    // The host may have read and kept it before.
    const { rawBody } = request;
    return rawBody.length > 0 ? new Blob([rawBody]).stream() : undefined;
  }
  // By default the connection is destroyed, but an answer is still to be sent.
  const chunks = request.raw.iterator({ destroyOnReturn: false }) as AsyncGenerator<
    Buffer,
    undefined
  >;
  const counter = new BodyCounter(limitBytes);
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await chunks.next();
        if (done) return controller.close();
        const error = counter.add(value);
        if (error) {
          void chunks.return(undefined);
          dumpBody(request.raw);
          throw error;
        }
        controller.enqueue(value);
      },
      cancel: () => void chunks.return(undefined),
    },
    { highWaterMark: 0 },
  );
}

/** Time for a client to notice an answer and to end its body, in milliseconds. */
const DISCARD_MS = 2_000;

/**
 * Discards the rest of a streamed body when the answer is sent. The connection is cut only after a while: a client that still sends would
 * lose the answer with it.
 */
export function discardBody({ taken, raw }: RunnerRequest): void {
  if (taken?.leftBytes === undefined || raw.complete || raw.destroyed) return;
  const { socket } = raw;
  const timer = setTimeout(() => socket.destroy(), DISCARD_MS);
  const done = (): void => clearTimeout(timer);
  dumpBody(raw);
  // A listener, since the stream of the body may let go of the request later, which pauses it.
  raw
    .once('end', done)
    .once('close', done)
    .on('data', () => undefined);
}
