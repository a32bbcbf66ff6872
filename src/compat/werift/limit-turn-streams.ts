import type * as werift from 'werift';
import { expectMethods, isFirstPatch } from './werift-shape.js';
import type { Socket } from 'node:net';

/** werift's TCP or TLS connection to a TURN server, with untyped internals. */
interface StreamTransport {
  readonly stream: {
    readonly client: Socket;
    closed: boolean;
    connect: () => void;
    send: (data: Buffer, to?: werift.Address) => Promise<void>;
  };
  init: () => Promise<void>;
}

/** Timeout for connecting to a TURN server over TCP or TLS, in milliseconds. */
const CONNECT_TIMEOUT_MS = 5_000;
/** The most bytes that wait for a TURN server to read them. What would be more is dropped, as by a network. */
const MAX_PENDING_BYTES = 1_048_576;

/**
 * Limits connections to TURN servers over TCP and TLS (seen in werift 0.24.4). werift connects again at once whenever the server closes one, without
 * end and after the session too, although the allocation ended with the connection; and the first failure to do so ends the process, as an unhandled
 * rejection. It waits for a handshake without end, and buffers what the server does not read. Patches the classes, once.
 * @throws {Error} when werift's internals differ
 */
export function limitTurnStreams(
  lib: Pick<typeof werift, 'TcpTransport' | 'TlsTransport'>,
  connectTimeoutMs = CONNECT_TIMEOUT_MS,
): void {
  for (const { prototype } of [lib.TcpTransport, lib.TlsTransport]) {
    limit(prototype as unknown as StreamTransport, connectTimeoutMs);
  }
}

function limit(prototype: StreamTransport, connectTimeoutMs: number): void {
  expectMethods('TURN transport', prototype, ['init']);
  if (!isFirstPatch(prototype, 'limitTurnStreams')) return;
  const { init } = prototype;

  // Called right after the constructor, which has begun to connect.
  prototype.init = async function (this: StreamTransport) {
    const { stream } = this;
    expectMethods('TURN stream', stream, ['connect', 'send']);
    const end = (why: string): void => {
      stream.closed = true;
      stream.client.destroy(new Error(why));
    };
    stream.connect = () => end('The TURN server closed the connection.');
    const { send } = stream;
    let pendingBytes = 0;
    stream.send = async (data, to) => {
      if (pendingBytes > MAX_PENDING_BYTES) return;
      pendingBytes += data.length;
      await send(data, to).finally(() => (pendingBytes -= data.length));
    };
    const late = (): void => end('The TURN server did not accept the connection in time.');
    const timer = setTimeout(late, connectTimeoutMs).unref();
    try {
      await init.call(this);
    } finally {
      clearTimeout(timer);
    }
  };
}
