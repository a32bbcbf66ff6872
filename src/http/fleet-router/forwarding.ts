import { type ClientRequest, type IncomingMessage, request as requestOf } from 'node:http';
import { Readable } from 'node:stream';
import { isInstance } from '../../errors/thrown.js';
import { PeerUnreachableError, type PeerConnections } from './peer-connection.js';
import type { RawHeaders } from './forwarded-headers.js';
import type { PeerNode } from './peers.js';

/** A request on its way to another node. */
export interface Forwarding {
  readonly method: string;
  /** Path and query, as received. */
  readonly path: string;
  readonly headers: RawHeaders;
  /** Bytes, or a stream of them, which fails past its limits; `undefined` for none. */
  readonly body: Buffer | Readable | undefined;
  /** Announced length of a stream; `undefined` where it is unknown. */
  readonly bodyBytes?: number;
  /** Longest time without any progress until the answer begins, in milliseconds. */
  readonly stallMs: number;
  /** Aborted when the client is gone. */
  readonly signal: AbortSignal;
}

/** A node that has taken a request, and does not go on with it. */
export class PeerStalledError extends Error {
  override readonly name = 'PeerStalledError';
}

/** Answer of another node, with what cuts it. */
export interface PeerAnswer {
  readonly response: IncomingMessage;
  /** Ends the connection, for an answer that nobody reads to its end, or whose request was not read. */
  destroy(): void;
}

/**
 * Sends a request to another node.
 * @returns the answer, as soon as its head is there
 * @throws {PeerUnreachableError} when the node cannot have seen it
 * @throws {PeerStalledError} @throws the error of a body's stream
 */
export async function forward(
  connections: PeerConnections,
  node: PeerNode,
  forwarding: Forwarding,
): Promise<PeerAnswer> {
  const { body } = forwarding;
  try {
    return await attempt(connections, node, forwarding);
  } catch (error) {
    // The node closed an idle connection as it was taken up again.
    if (!isInstance(error, ClosedIdleError) || body instanceof Readable) throw error;
    return attempt(connections, node, forwarding);
  }
}

class ClosedIdleError extends PeerUnreachableError {}

function attempt(
  connections: PeerConnections,
  node: PeerNode,
  { method, path, headers, body, bodyBytes, stallMs, signal }: Forwarding,
): Promise<PeerAnswer> {
  const { hostname, port } = new URL(node.url);
  const request = requestOf({
    ...{ hostname, port, method, path, signal },
    agent: connections.agentOf(node),
    headers: [...framing(method, body, bodyBytes), ...headers],
    setHost: false,
  });
  return new Promise((resolve, reject) => {
    const stalled = (): void => {
      request.destroy(new PeerStalledError(`node ${node.name} did not go on within ${stallMs} ms`));
    };
    const timer = setTimeout(stalled, stallMs);
    const fail = (error: Error): void => {
      clearTimeout(timer);
      reject(error);
    };
    request.once('response', (response) => {
      clearTimeout(timer);
      if (body instanceof Readable) body.unpipe(request);
      resolve({ response, destroy: () => request.destroy() });
    });
    // Errors after the head are those of the response's stream.
    request.on('error', (error: NodeJS.ErrnoException) => fail(explained(error, request, node)));
    if (!(body instanceof Readable)) return void request.end(body);
    body.on('data', () => timer.refresh());
    body.once('error', (error) => {
      fail(error);
      request.destroy();
    });
    body.pipe(request);
  });
}

/** Headers of the body's framing, which are always this node's own. */
function framing(
  method: string,
  body: Forwarding['body'],
  bodyBytes: number | undefined,
): RawHeaders {
  if (body instanceof Readable) {
    return bodyBytes === undefined
      ? ['transfer-encoding', 'chunked']
      : ['content-length', String(bodyBytes)];
  }
  if (body && body.length > 0) return ['content-length', String(body.length)];
  return method === 'GET' || method === 'HEAD' ? [] : ['content-length', '0'];
}

function explained(error: NodeJS.ErrnoException, request: ClientRequest, node: PeerNode): Error {
  const wasClosed = error.code === 'ECONNRESET' || error.code === 'EPIPE';
  return request.reusedSocket && wasClosed
    ? new ClosedIdleError(`node ${node.name} closed the connection`, { cause: error })
    : error;
}
