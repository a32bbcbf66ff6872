import { BodyCounter } from './request-body.js';
import type { RunnerRequest } from './runner-request.js';

/** Request whose body can be streamed. */
export type StreamedRequest = Pick<RunnerRequest, 'method' | 'raw' | 'taken' | 'rawBody'>;

/**
 * Streams a body that was left on the wire, with backpressure; `undefined` for no body. Past its limits the stream fails with a
 * `RunnerError` `TOO_LARGE`.
 */
export function bodyStreamOf(request: StreamedRequest): ReadableStream<Uint8Array> | undefined {
  const limitBytes = request.taken?.leftBytes;
  if (limitBytes === undefined) {
    // The host may have read and kept it before.
    const { rawBody } = request;
    return rawBody.length > 0 ? new Blob([rawBody]).stream() : undefined;
  }
  // By default the connection is destroyed, but an answer is still to be sent.
  const chunks = request.raw.iterator({ destroyOnReturn: false }) as AsyncIterator<
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
        if (error) throw error;
        controller.enqueue(value);
      },
    },
    { highWaterMark: 0 },
  );
}

/** True when a streamed body has not been read completely. */
export function isBodyUnread({ taken, raw }: RunnerRequest): boolean {
  return taken?.leftBytes !== undefined && !raw.complete;
}
