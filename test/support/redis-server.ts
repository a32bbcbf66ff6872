import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './free-port.js';
import { TOOLS } from './tools.js';

/** A Redis server on loopback, in a folder of its own. */
export class RedisServer {
  private child!: ChildProcess;

  private constructor(
    readonly port: number,
    private readonly folder: string,
    private readonly args: readonly string[],
  ) {}

  /** @param args of redis-server, such as `--appendonly yes` */
  static async start(...args: string[]): Promise<RedisServer> {
    const folder = await mkdtemp(join(tmpdir(), 'redis-'));
    const server = new RedisServer(await freePort(), folder, args);
    await server.start();
    return server;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Starts it again after {@link kill}, with what it has stored. */
  async start(): Promise<void> {
    this.child = spawn(
      TOOLS['redis-server'].find()!,
      [
        ...['--port', String(this.port), '--bind', '127.0.0.1', '--dir', this.folder],
        ...['--save', '', '--enable-debug-command', 'yes', ...this.args],
      ],
      { stdio: 'ignore' },
    );
    while (!(await isReady(this.port))) {
      if (this.child.exitCode !== null) throw new Error(`redis-server ended`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** Freezes it: connections stay open, and nothing is answered. */
  pause(): void {
    this.child.kill('SIGSTOP');
  }

  resume(): void {
    this.child.kill('SIGCONT');
  }

  async kill(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await ended;
  }

  async stop(): Promise<void> {
    await this.kill();
    await rm(this.folder, { recursive: true });
  }
}

/** True once it answers, or asks for a password, and has loaded what it had stored. */
async function isReady(port: number): Promise<boolean> {
  let socket: Socket | undefined;
  try {
    socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    socket.write('PING\r\n');
    const [answer] = (await once(socket, 'data')) as [Buffer];
    return /^(\+PONG|-NOAUTH)/.test(answer.toString());
  } catch {
    return false;
  } finally {
    socket?.destroy();
  }
}
