import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './free-port.js';
import { TOOLS } from './tools.js';

/** A Redis or Valkey server on loopback, in a folder of its own. `REDIS_SERVER` is the program, by default that of Debian's redis-server. */
export class RedisServer {
  #child;
  #args;

  constructor(port, folder, args) {
    this.port = port;
    this.folder = folder;
    this.#args = args;
  }

  /** @param args of redis-server, such as `--appendonly yes` */
  static async start(...args) {
    const folder = await mkdtemp(join(tmpdir(), 'redis-'));
    // Sentinel, and a server of a group, keep in it what they have become.
    await writeFile(join(folder, 'redis.conf'), '');
    const server = new RedisServer(await freePort(), folder, args);
    await server.start();
    return server;
  }

  get url() {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Starts it again after {@link kill}, with what it has stored. */
  async start() {
    this.#child = spawn(
      TOOLS['redis-server'].find(),
      [
        join(this.folder, 'redis.conf'),
        ...['--port', String(this.port), '--bind', '127.0.0.1', '--dir', this.folder],
        ...['--save', '', ...this.#args],
      ],
      { stdio: 'ignore' },
    );
    while (!(await isReady(this.port))) {
      if (this.#child.exitCode !== null) throw new Error(`redis-server ended`);
      await sleep(20);
    }
  }

  /** Freezes it: connections stay open, and nothing is answered. */
  pause() {
    this.#child.kill('SIGSTOP');
  }

  resume() {
    this.#child.kill('SIGCONT');
  }

  async kill() {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
  }

  async stop() {
    await this.kill();
    await rm(this.folder, { recursive: true });
  }
}

/** True once it answers, or asks for a password, and has loaded what it had stored. */
async function isReady(port) {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    socket.write('PING\r\n');
    const [answer] = await once(socket, 'data');
    return /^(\+PONG|-NOAUTH)/.test(String(answer));
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
