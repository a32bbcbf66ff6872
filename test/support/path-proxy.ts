import { once } from 'node:events';
import { createServer, request, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';

/** A reverse proxy that has a server below a path of its own. */
export class PathProxy {
  /** Upstream, such as `http://127.0.0.1:<port>`. */
  target = '';
  private readonly server: Server;
  private readonly tunnels = new Set<Socket>();

  static async start(path: string): Promise<PathProxy> {
    const proxy = new PathProxy(path);
    proxy.server.listen(0, '127.0.0.1');
    await once(proxy.server, 'listening');
    return proxy;
  }

  private constructor(private readonly path: string) {
    this.server = createServer((incoming, outgoing) => {
      const { method, headers } = incoming;
      const forwarded = request(this.target, { path: this.behind(incoming.url!), method, headers });
      forwarded.on('response', (response) => {
        outgoing.writeHead(response.statusCode!, response.headers);
        response.pipe(outgoing);
      });
      incoming.pipe(forwarded);
    });
    this.server.on('upgrade', (incoming, socket: Socket) => {
      const { hostname, port } = new URL(this.target);
      const tunnel = connect(Number(port), hostname);
      const headers = Object.entries(incoming.headers).map(
        ([name, value]) => `${name}: ${String(value)}\r\n`,
      );
      tunnel.write(`GET ${this.behind(incoming.url!)} HTTP/1.1\r\n${headers.join('')}\r\n`);
      socket.pipe(tunnel).pipe(socket);
      for (const end of [socket, tunnel]) this.tunnels.add(end.on('error', () => undefined));
    });
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}${this.path}`;
  }

  async close(): Promise<void> {
    for (const tunnel of this.tunnels) tunnel.destroy();
    this.server.close();
    this.server.closeAllConnections();
    await once(this.server, 'close');
  }

  /** A path as the server behind knows it; what is not below the proxy's path is not found there. */
  private behind(url: string): string {
    return url.startsWith(this.path) ? url.slice(this.path.length) : '/outside';
  }
}
