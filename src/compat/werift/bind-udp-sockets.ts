import type { Socket } from 'node:dgram';
import { once } from 'node:events';
import type * as werift from 'werift';
import { expectMethods, isFirstPatch } from './werift-shape.js';

/** werift's UDP socket, with untyped internals. */
interface UdpTransport {
  readonly socket: Socket;
  readonly socketType: 'udp4' | 'udp6';
  readonly options: {
    readonly port?: number;
    readonly portRange?: readonly [first: number, last: number];
    readonly interfaceAddresses?: Readonly<Partial<Record<'udp4' | 'udp6', string>>>;
  };
  init(): Promise<void>;
}

/**
 * Binds UDP sockets to the first free port of their range themselves (seen in werift 0.24.4): werift looks for a free port with sockets of its own, so that a
 * port that is taken before it is bound ends the process, and leaves the socket open where none is free. Patches the class, once.
 * @throws {Error} when werift's internals differ
 */
export function bindUdpSockets({ UdpTransport }: Pick<typeof werift, 'UdpTransport'>): void {
  const prototype = UdpTransport.prototype as unknown as UdpTransport;
  expectMethods('UDP socket', prototype, ['init']);
  if (!isFirstPatch(prototype, 'bindUdpSockets')) return;

  prototype.init = async function (this: UdpTransport) {
    const { socket, socketType, options } = this;
    const { port = 0, portRange = [port, port], interfaceAddresses } = options;
    const address = interfaceAddresses?.[socketType];
    for (let at = portRange[0]; at <= portRange[1]; at++) {
      socket.bind({ port: at, address });
      const isBound = await once(socket, 'listening').then(
        () => true,
        () => false,
      );
      if (isBound) return;
    }
    const closed = once(socket, 'close');
    socket.close();
    await closed;
    throw new Error('No UDP port is free.');
  };
}
