import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

/** Below those that a system gives to outgoing connections, one of which would take it before its server does; so is the bus of a Cluster, 10,000 above. */
const RANGE = [12_000, 22_000];

export async function freePort() {
  const port = randomInt(...RANGE);
  const server = createServer().listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch (error) {
    if (error.code !== 'EADDRINUSE') throw error;
    return freePort();
  }
  server.close();
  await once(server, 'close');
  return port;
}
