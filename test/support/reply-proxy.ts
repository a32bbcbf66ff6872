import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** A TCP proxy that can lose answers: what was asked has been carried out then. */
export class ReplyProxy {
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();
  private lose: 'nothing' | 'next answer' | 'all answers' | 'connections' = 'nothing';
  /** Number of answers that were lost. */
  lost = 0;

  private constructor(private readonly targetPort: number) {
    this.server = createServer((client) => this.join(client));
  }

  static async to(targetPort: number): Promise<ReplyProxy> {
    const proxy = new ReplyProxy(targetPort);
    proxy.server.listen(0, '127.0.0.1');
    await once(proxy.server, 'listening');
    return proxy;
  }

  get url(): string {
    return `redis://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Loses the next answer, with its connection. */
  loseNext(): void {
    this.lose = 'next answer';
  }

  /** Loses all answers, and keeps connections, as a network that is cut. */
  cut(): void {
    this.lose = 'all answers';
  }

  /** Ends all connections, and accepts no more. */
  refuse(): void {
    this.lose = 'connections';
    this.endAll();
  }

  heal(): void {
    this.lose = 'nothing';
    this.endAll();
  }

  async stop(): Promise<void> {
    this.endAll();
    this.server.close();
    await once(this.server, 'close');
  }

  private join(client: Socket): void {
    if (this.lose === 'connections') return void client.destroy();
    const target = connect(this.targetPort, '127.0.0.1');
    for (const [socket, other] of [
      [client, target],
      [target, client],
    ] as const) {
      this.sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.sockets.delete(socket);
        other.destroy();
      });
    }
    client.on('data', (chunk) => target.write(chunk));
    target.on('data', (chunk) => {
      if (this.lose === 'nothing') return void client.write(chunk);
      this.lost++;
      if (this.lose !== 'next answer') return;
      this.lose = 'nothing';
      client.destroy();
    });
  }

  private endAll(): void {
    for (const socket of this.sockets) socket.destroy();
  }
}
