import { once } from 'node:events';
import { connect, createServer } from 'node:net';

/** A TCP proxy before Redis, as the network of one node: it can be cut, and lose answers to what was carried out. */
export class Proxy {
  sockets = new Set();
  isCut = false;
  /** Time after which another answer is lost, with its connection, in milliseconds; three within 2 s would make the node give up for a while. */
  loseEveryMs = Infinity;
  lostAtMs = 0;
  lost = 0;

  static async to(targetPort) {
    const proxy = new Proxy();
    proxy.server = createServer((client) => proxy.join(client, targetPort));
    proxy.server.listen(0, '127.0.0.1');
    await once(proxy.server, 'listening');
    return proxy;
  }

  get port() {
    return this.server.address().port;
  }

  /** Nothing passes any more, in both directions; connections stay, as on a broken network. */
  cut() {
    this.isCut = true;
  }

  heal() {
    this.isCut = false;
    this.endAll();
  }

  stop() {
    this.endAll();
    this.server.close();
  }

  endAll() {
    for (const socket of this.sockets) socket.destroy();
  }

  join(client, targetPort) {
    const target = connect(targetPort, '127.0.0.1');
    for (const [socket, other] of [
      [client, target],
      [target, client],
    ]) {
      this.sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.sockets.delete(socket);
        other.destroy();
      });
    }
    client.on('data', (chunk) => this.isCut || target.write(chunk));
    target.on('data', (chunk) => {
      if (this.isCut) return;
      const nowMs = performance.now();
      if (nowMs - this.lostAtMs < this.loseEveryMs) return void client.write(chunk);
      this.lostAtMs = nowMs;
      this.lost++;
      client.destroy();
    });
  }
}
