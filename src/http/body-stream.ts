import { BodyCounter } from './request-body.js';
import type { RunnerRequest } from './runner-request.js';

/**
 * The body that was left on the wire, as it comes in and no faster than it is read; `undefined` when there is none. Past its limits it
 * fails with a `RunnerError` `TOO_LARGE`.
 */
export function bodyStreamOf(request: RunnerRequest): ReadableStream<Uint8Array> | undefined {
  const limitBytes = request.taken?.leftBytes;
  if (limitBytes === undefined) {
    // Somebody who read it before the runner did may have kept it.
    const { rawBody } = request;
    return rawBody.length > 0 ? new Blob([rawBody]).stream() : undefined;
  }
  // The default would destroy the connection, on which there is still an answer to send.
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

/** True if there is more of a left body to come than anybody has read. */
export function isBodyUnread({ taken, raw }: RunnerRequest): boolean {
  return taken?.leftBytes !== undefined && !raw.complete;
}
