import type { Server, ServerResponse } from 'node:http';
import type { Http2ServerResponse, ServerHttp2Session } from 'node:http2';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { secondaryServersOf } from '../compat/fastify-secondary-servers.js';

/** The time that connections have to end by themselves. */
export interface ConnectionGrace {
  /** For one without a request, or that does not move any more, in milliseconds. */
  readonly idleMs: number;
  /** For one whose request is being answered, in milliseconds; not less than {@link idleMs}. */
  readonly busyMs: number;
  /** Aborts when nobody can wait any longer. */
  readonly signal: AbortSignal;
}

/** The interval at which the connections that are left are looked at, in milliseconds. */
const LOOK_MS = 250;

type Answer = ServerResponse | Http2ServerResponse;

/**
 * The connections of the application's HTTP server. A server that closes waits for each of them, also for one that sends nothing, sends half
 * a request, or does not read its answer; {@link end} cuts what does not move.
 */
@Injectable()
export class ServerConnections implements OnModuleInit {
  private readonly servers: Server[] = [];
  /** By their peers: TLS has a socket on top of that of TCP, and HTTP/2 a stand-in, but the peer is one. */
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
   * Brings the connections to their end: at once where nothing was asked, or else within the time that is given.
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
      // Whoever holds up the process is no timer of the runner's.
      const early = signal.aborted ? undefined : signal;
      await sleep(LOOK_MS, undefined, { signal: early, ref: false }).catch(() => undefined);
    }
  }

  private track(server: Server): void {
    this.servers.push(server);
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
      answer.once('close', () => {
        this.answers.delete(answer);
        if (this.ending) this.closeIdle();
      });
    });
  }

  private closeIdle(): void {
    // Not there in HTTP/2.
    for (const server of this.servers) server.closeIdleConnections?.();
  }
}

const peerOf = (socket: Socket): unknown =>
  socket.remotePort === undefined ? socket : `${socket.remoteAddress}:${socket.remotePort}`;

/** True while the handler takes its time, and not the client: the request is here, and nothing waits to be read. */
function isAtWork({ req, writableLength }: Answer): boolean {
  const isReceived = 'stream' in req ? req.stream.state?.remoteClose === 1 : req.complete;
  return isReceived && writableLength === 0;
}
