import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from '@jest/globals';
import * as werift from 'werift';
import { until } from '../../../test/support/until.js';
import { bindUdpSockets } from './bind-udp-sockets.js';

const opened: werift.UdpTransport[] = [];
const bind = async (portRange?: [number, number]): Promise<number> => {
  bindUdpSockets(werift);
  const interfaceAddresses = { udp4: '127.0.0.1' };
  const udp = await werift.UdpTransport.init('udp4', { portRange, interfaceAddresses });
  opened.push(udp);
  return udp.port;
};
afterEach(() => Promise.all(opened.splice(0).map((udp) => udp.close())));

const handles = (): number =>
  process.getActiveResourcesInfo().filter((one) => one === 'UDPWrap').length;
const before = handles();

/** A range of two ports, both free. */
async function freeRange(): Promise<[number, number]> {
  for (;;) {
    const first = await bind();
    const next = createSocket('udp4').bind(first + 1, '127.0.0.1');
    const isFree = await once(next, 'listening').then(
      () => true,
      () => false,
    );
    await Promise.all([...opened.splice(0).map((udp) => udp.close()), closed(next)]);
    if (isFree) return [first, first + 1];
  }
}

const closed = (socket: ReturnType<typeof createSocket>): Promise<void> =>
  new Promise((resolve) => socket.close(resolve));

describe('UDP sockets of werift', () => {
  it('have any port where there is no range', async () => {
    expect(await bind()).toBeGreaterThan(0);
  });

  it('have the ports of their range, each one, also when all are opened at once', async () => {
    const range = await freeRange();
    const ports = await Promise.allSettled([bind(range), bind(range), bind(range)]);
    const bound = ports.flatMap((one) => (one.status === 'fulfilled' ? one.value : []));
    expect(bound.sort()).toEqual(range);
    // The one without a port is closed.
    await until(() => handles() === before + 2);
    await expect(bind(range)).rejects.toThrow(/No UDP port is free/);
    await until(() => handles() === before + 2);
  });

  it('are checked for a version of werift that differs', () => {
    class Other {}
    expect(() => bindUdpSockets({ UdpTransport: Other as never })).toThrow(/no method init/);
  });
});
