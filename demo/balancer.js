// A balancer that sends each request to a server at random, of those whose /readyz answers 200.
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import { connect } from 'node:net';
import { buffer } from 'node:stream/consumers';

const CHECK_MS = 250;

export class Balancer {
  /** Server of each request so far, by method and path. */
  served = new Map();
  sockets = new Set();

  /** @param servers `{ name, port }` each */
  static async start(servers) {
    const balancer = new Balancer(servers);
    balancer.server.listen(0, '127.0.0.1');
    await once(balancer.server, 'listening');
    await balancer.check();
    return balancer;
  }

  constructor(servers) {
    this.servers = servers;
    this.server = createServer((incoming, outgoing) => void this.pass(incoming, outgoing));
    this.server.on('upgrade', (incoming, socket, head) => this.upgrade(incoming, socket, head));
    this.timer = setInterval(() => void this.check(), CHECK_MS);
  }

  get url() {
    return `http://127.0.0.1:${this.server.address().port}`;
  }

  async stop() {
    clearInterval(this.timer);
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
    this.server.closeAllConnections();
    await once(this.server, 'close');
  }

  async check() {
    await Promise.all(
      this.servers.map(async (one) => {
        const answer = await fetch(`http://127.0.0.1:${one.port}/readyz`, {
          signal: AbortSignal.timeout(1_000),
        }).catch(() => undefined);
        one.ready = answer?.ok === true;
        await answer?.body?.cancel();
      }),
    );
  }

  /** The ready servers in random order: the next one is for when one does not answer. */
  pick() {
    return this.servers
      .filter(({ ready }) => ready)
      .map((one) => ({ one, at: Math.random() }))
      .sort((a, b) => a.at - b.at)
      .map(({ one }) => one);
  }

  note({ method, url }, { name }) {
    this.served.set(`${method} ${url}`, name);
  }

  async pass(incoming, outgoing) {
    const body = await buffer(incoming);
    for (const server of this.pick()) {
      const { method, url: path, headers } = incoming;
      const forwarded = request({ port: server.port, host: '127.0.0.1', method, path, headers });
      forwarded.end(body);
      const [answer] = await once(forwarded, 'response').catch(() => []);
      if (!answer) continue;
      this.note(incoming, server);
      outgoing.writeHead(answer.statusCode, { ...answer.headers, 'x-served-by': server.name });
      return void answer.pipe(outgoing);
    }
    outgoing.writeHead(502).end();
  }

  upgrade(incoming, socket, head, servers = this.pick()) {
    const [server, ...others] = servers;
    if (!server) return void socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n');
    const tunnel = connect(server.port, '127.0.0.1');
    const { method, url, rawHeaders } = incoming;
    const lines = rawHeaders.flatMap((one, at) => (at % 2 ? [] : `${one}: ${rawHeaders[at + 1]}`));
    tunnel.once('connect', () => {
      this.note(incoming, server);
      tunnel.write(`${method} ${url} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
      tunnel.write(head);
      socket.pipe(tunnel).pipe(socket);
      tunnel.on('close', () => socket.destroy());
    });
    tunnel.on('error', () => {
      if (tunnel.bytesWritten > 0) socket.destroy();
      else this.upgrade(incoming, socket, head, others);
    });
    this.sockets.add(socket);
    socket.on('error', () => tunnel.destroy());
    socket.on('close', () => {
      this.sockets.delete(socket);
      tunnel.destroy();
    });
  }
}
