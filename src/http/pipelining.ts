import { type IncomingMessage, type Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { closeResponse, stopParsing } from '../compat/node-http.js';

/**
 * The most unanswered requests of an HTTP/1 connection, on all routes of the server. No browser or proxy pipelines requests; of the clients that can,
 * those in use send ten or so.
 */
export const MAX_PIPELINED = 32;

/** Unanswered requests of each connection. */
const pipelines = new WeakMap<Socket, Set<ServerResponse>>();
const guarded = new WeakSet<Server>();

/**
 * Guards a server against pipelined requests, ahead of the framework: a connection with more than {@link MAX_PIPELINED} unanswered requests is
 * destroyed, and those beyond are dropped. When a connection closes, all its responses are closed; Node closes only the one being sent, and the
 * others would keep their files, listeners and handlers for ever. Idempotent, since several runners may share a server.
 */
export function guardPipelining(server: Server): void {
  if (guarded.has(server)) return;
  guarded.add(server);
  const emit = server.emit.bind(server);
  server.emit = (event: string, ...args: unknown[]): boolean => {
    const [request, response] = args;
    // The streams of HTTP/2 are no pipeline, and have a limit of their own.
    if (!(response instanceof ServerResponse)) return emit(event, ...args);
    const { socket } = request as IncomingMessage;
    return !isAdmitted(socket, response as ServerResponse) || emit(event, ...args);
  };
}

function isAdmitted(socket: Socket, response: ServerResponse): boolean {
  const unanswered = pipelines.get(socket) ?? open(socket);
  if (!unanswered.has(response)) {
    if (isFull(socket, unanswered)) return false;
    unanswered.add(response);
    response.once('close', () => unanswered.delete(response));
  }
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
  stopParsing(socket, () => isFull(socket, unanswered));
  socket.once('close', () => {
    for (const response of unanswered) closeResponse(response);
  });
  return unanswered;
}
