import { once } from 'node:events';
import { connect, createServer } from 'node:net';

/** A TCP proxy that can lose answers: what was asked has been carried out then. It can also be cut, as the network of one node. */
export class ReplyProxy {
  /** Number of answers that were lost. */
  lost = 0;
  /** Time after which another answer is lost, with its connection, in milliseconds; three within 2 s would make a node give up for a while. */
  loseEveryMs = Infinity;
  #lostAtMs = 0;
  /** `nothing`, `next answer`, `all answers`, `everything` or `connections`. */
  #loses = 'nothing';
  #server;
  #sockets = new Set();

  constructor(targetPort) {
    this.#server = createServer((client) => this.#join(client, targetPort));
  }

  static async to(targetPort) {
    const proxy = new ReplyProxy(targetPort);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get url() {
    return `redis://127.0.0.1:${this.#server.address().port}`;
  }

  /** Loses the next answer, with its connection. */
  loseNext() {
    this.#loses = 'next answer';
  }

  /** Loses all answers, and keeps connections, as a network that is cut in one direction. */
  cut() {
    this.#loses = 'all answers';
  }

  /** Loses everything, and keeps connections, as a network that is cut. */
  cutBoth() {
    this.#loses = 'everything';
  }

  /** Ends all connections, and accepts no more. */
  refuse() {
    this.#loses = 'connections';
    this.#endAll();
  }

  heal() {
    this.#loses = 'nothing';
    this.#endAll();
  }

  async stop() {
    this.#endAll();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #join(client, targetPort) {
    if (this.#loses === 'connections') return void client.destroy();
    const target = connect(targetPort, '127.0.0.1');
    for (const [socket, other] of [
      [client, target],
      [target, client],
    ]) {
      this.#sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
    }
    client.on('data', (chunk) => this.#loses === 'everything' || target.write(chunk));
    target.on('data', (chunk) => {
      const nowMs = performance.now();
      const isDue = this.#loses === 'nothing' && nowMs - this.#lostAtMs >= this.loseEveryMs;
      if (this.#loses === 'nothing' && !isDue) return void client.write(chunk);
      this.lost++;
      if (isDue) this.#lostAtMs = nowMs;
      else if (this.#loses === 'next answer') this.#loses = 'nothing';
      else return;
      client.destroy();
    });
  }

  #endAll() {
    for (const socket of this.#sockets) socket.destroy();
  }
}
