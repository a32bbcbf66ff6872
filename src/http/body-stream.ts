import { type HttpRequest, nodeRequest } from './http-request.js';
import { BodyCounter, isBodyTaken, leftBytesOf, rawBodyOf } from './request-body.js';

/**
 * The body that was left on the wire, as it comes in and no faster than it is read; `undefined` when there is none. Past its limits it
 * fails with a `RunnerError` `TOO_LARGE`.
 */
export function bodyStreamOf(request: HttpRequest): ReadableStream<Uint8Array> | undefined {
  const node = nodeRequest(request);
  const limitBytes = leftBytesOf(node);
  if (limitBytes === undefined) {
    // Whoever read it before the runner did may have kept it.
    const raw = isBodyTaken(node) ? rawBodyOf(request) : Buffer.alloc(0);
    return raw.length > 0 ? new Blob([raw]).stream() : undefined;
  }
  // The default would destroy the connection, on which there is still an answer to send.
  const chunks = node.iterator({ destroyOnReturn: false }) as AsyncIterator<Buffer, undefined>;
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

/** Whether there is more of a left body to come than anybody has read. */
export function isBodyUnread(request: HttpRequest): boolean {
  const node = nodeRequest(request);
  return leftBytesOf(node) !== undefined && !node.complete;
}
