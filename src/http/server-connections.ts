import type { Server, ServerResponse } from 'node:http';
import type { Http2ServerResponse, ServerHttp2Session } from 'node:http2';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { secondaryServersOf } from '../compat/fastify-secondary-servers.js';
import { guardHttp1 } from './http1-guard.js';
import { onClosed } from './on-closed.js';

/** Grace periods for closing connections. */
export interface ConnectionGrace {
  /** Grace period of an idle or stalled connection, in milliseconds. */
  readonly idleMs: number;
  /** Grace period of a connection whose request is being answered, in milliseconds; not less than {@link idleMs}. */
  readonly busyMs: number;
  /** Ends all grace periods. */
  readonly signal: AbortSignal;
}

/** Polling interval, in milliseconds. */
const LOOK_MS = 250;

type Answer = ServerResponse | Http2ServerResponse;

/**
 * Graceful shutdown of the HTTP server's connections. A server that closes waits for all of them, also for a client that sends nothing, sends half a
 * request, or does not read its answer; {@link end} cuts those that stall.
 */
@Injectable()
export class ServerConnections implements OnModuleInit {
  private readonly servers: Server[] = [];
  /** Sockets by their underlying connection, which TLS and HTTP/2 wrap. */
  private readonly sockets = new Map<unknown, Socket>();
  private readonly http2Sessions = new Set<ServerHttp2Session>();
  private readonly answers = new Set<Answer>();
  private ending = false;

  constructor(private readonly adapterHost: HttpAdapterHost) {}

  onModuleInit(): void {
    const { httpAdapter } = this.adapterHost;
    const server = httpAdapter?.getHttpServer() as Server | undefined;
    if (!server) return;
    this.track(server);
    this.adapterHost.listen$.subscribe(() => {
      for (const other of secondaryServersOf(httpAdapter)) this.track(other);
    });
  }

  /**
   * Closes the connections: idle ones at once, others within their grace period.
   * @returns when the server is closed and no connection is left
   */
  async end({ idleMs, busyMs, signal }: ConnectionGrace): Promise<void> {
    this.ending = true;
    for (const socket of this.sockets.values()) if (socket.bytesRead === 0) socket.destroy();
    for (const session of this.http2Sessions) session.close();
    this.closeIdle();
    const startMs = performance.now();
    const moves = new Map<Socket, { bytes: number; atMs: number }>();
    while (this.sockets.size > 0 || this.servers.some(({ listening }) => listening)) {
      const nowMs = performance.now();
      const isOverdue = signal.aborted || nowMs - startMs >= busyMs;
      const answers = new Map(
        [...this.answers].map((answer) => [peerOf(answer.req.socket), answer]),
      );
      for (const [peer, socket] of this.sockets) {
        const bytes = socket.bytesRead + socket.bytesWritten - socket.writableLength;
        const last = moves.get(socket);
        const answer = answers.get(peer);
        if (!last || (answer && (bytes !== last.bytes || isAtWork(answer)))) {
          moves.set(socket, { bytes, atMs: nowMs });
        }
        if (isOverdue || nowMs - moves.get(socket)!.atMs >= idleMs) socket.destroy();
      }
      // Unreferenced by design: the runner's timers do not keep the process alive.
      const early = signal.aborted ? undefined : signal;
      await sleep(LOOK_MS, undefined, { signal: early, ref: false }).catch(() => undefined);
    }
  }

  private track(server: Server): void {
    this.servers.push(server);
    guardHttp1(server);
    const add = (socket: Socket): void => {
      const peer = peerOf(socket);
      this.sockets.set(peer, socket);
      socket.once('close', () => {
        if (this.sockets.get(peer) === socket) this.sockets.delete(peer);
      });
    };
    server.on('connection', add).on('secureConnection', add);
    server.on('session', (session: ServerHttp2Session) => {
      this.http2Sessions.add(session);
      session.once('close', () => this.http2Sessions.delete(session));
    });
    server.on('request', (_request, answer) => {
      this.answers.add(answer);
      onClosed(answer, () => {
        this.answers.delete(answer);
        if (this.ending) this.closeIdle();
      });
    });
  }

  private closeIdle(): void {
    // Absent in HTTP/2.
    for (const server of this.servers) server.closeIdleConnections?.();
  }
}

const peerOf = (socket: Socket): unknown =>
  socket.remotePort === undefined ? socket : `${socket.remoteAddress}:${socket.remotePort}`;

/** True while the handler is working, as opposed to a client that sends or reads slowly. */
function isAtWork({ req, writableLength }: Answer): boolean {
  const isReceived = 'stream' in req ? req.stream.state?.remoteClose === 1 : req.complete;
  return isReceived && writableLength === 0;
}
