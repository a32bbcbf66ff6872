import { type Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { closeResponse, paceChunks, stopParsing } from '../compat/node-http.js';
import { onClosed } from './on-closed.js';

/**
 * The most unanswered requests of an HTTP/1 connection, on all routes of the server. No browser or proxy pipelines requests; of the clients that can,
 * those in use send ten or so.
 */
export const MAX_PIPELINED = 32;

/** Unanswered requests of each connection. */
const pipelines = new WeakMap<Socket, Set<ServerResponse>>();
const guarded = new WeakSet<Server>();

/**
 * Guards a server against what HTTP/1 lets a client do on all its routes, ahead of the framework:
 * - A connection with more than {@link MAX_PIPELINED} unanswered requests is destroyed, and those beyond are dropped. When a connection closes, all its
 *   responses are closed; Node closes only the one being sent, and the others would keep their files, listeners and handlers for ever.
 * - The chunks of a body are merged and paced ({@link paceChunks}).
 *
 * Idempotent, since several runners may share a server.
 */
export function guardHttp1(server: Server): void {
  if (guarded.has(server)) return;
  guarded.add(server);
  const emit = server.emit.bind(server);
  server.emit = (event: string, ...args: unknown[]): boolean => {
    const [, response] = args;
    // HTTP/2 has limits of its own.
    if (response instanceof ServerResponse && !admit(response as ServerResponse)) return true;
    return emit(event, ...args);
  };
}

/** Returns false for a request too many. */
function admit(response: ServerResponse): boolean {
  const { req: request } = response;
  const unanswered = pipelines.get(request.socket) ?? open(request.socket);
  if (unanswered.has(response)) return true;
  if (isFull(request.socket, unanswered)) return false;
  unanswered.add(response);
  onClosed(response, () => unanswered.delete(response));
  paceChunks(request);
  return true;
}

function isFull(socket: Socket, unanswered: ReadonlySet<ServerResponse>): boolean {
  if (unanswered.size < MAX_PIPELINED) return false;
  socket.destroy();
  return true;
}

function open(socket: Socket): Set<ServerResponse> {
  const unanswered = new Set<ServerResponse>();
  pipelines.set(socket, unanswered);
  // Each request may listen for its end, such as a start that waits: Node would warn of a leak.
  socket.setMaxListeners(0);
  stopParsing(socket, () => isFull(socket, unanswered));
  socket.once('close', () => {
    for (const response of unanswered) closeResponse(response);
  });
  return unanswered;
}
