import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { Platform } from './runner-app.js';

/** A request as it goes out. */
export interface Outgoing {
  readonly method: string;
  readonly path: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
}

/** A busy machine holds up every process now and then, but hardly so often in a row. */
const ATTEMPTS = 4;

/** The runner under a flood, in a process of its own. */
export class FloodedHost {
  private constructor(
    private readonly child: ChildProcess,
    readonly port: number,
  ) {}

  static async start(platform: Platform): Promise<FloodedHost> {
    const file = fileURLToPath(new URL('flooded-runner.js', import.meta.url));
    const child = spawn(process.execPath, ['--expose-gc', file, platform], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    const failed = once(child, 'exit').then(() => {
      throw new Error('the host did not start');
    });
    const [{ port }] = (await Promise.race([once(child, 'message'), failed])) as [{ port: number }];
    failed.catch(() => undefined);
    return new FloodedHost(child, port);
  }

  /** Memory of the process after garbage collection, in bytes. */
  memory(): Promise<number> {
    return this.ask('memory');
  }

  /** The same, when it changes no more. */
  async settledMemory(): Promise<number> {
    let bytes = await this.memory();
    for (;;) {
      const before = bytes;
      // By the time of an answer it has read what it reads.
      await this.ask('held');
      bytes = await this.memory();
      if (Math.abs(bytes - before) < 500_000) return bytes;
    }
  }

  /**
   * Longest time for which a flood blocks the event loop, in milliseconds.
   * @param enoughMs if less, that is it; otherwise the best of a few attempts counts
   */
  async heldBy(flood: () => Promise<unknown>, enoughMs: number): Promise<number> {
    let leastMs = Infinity;
    for (let i = 0; i < ATTEMPTS && leastMs >= enoughMs; i++) {
      await this.ask('held');
      await flood();
      leastMs = Math.min(leastMs, await this.ask('held'));
    }
    return leastMs;
  }

  /** Sends a request, and resolves with the status and the text of its answer. */
  async send({ method, path, headers = {}, body }: Outgoing): Promise<[number, string]> {
    const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) };
    const outgoing = request({
      port: this.port,
      host: '127.0.0.1',
      method,
      path,
      headers: { ...headers, ...length },
    });
    outgoing.end(body);
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
    const parts: Buffer[] = [];
    for await (const part of response) parts.push(part as Buffer);
    return [response.statusCode!, Buffer.concat(parts).toString()];
  }

  private async ask(question: 'memory' | 'held'): Promise<number> {
    this.child.send(question);
    const [answer] = (await once(this.child, 'message')) as [number];
    return answer;
  }

  /** A connection whose bytes are written by hand. */
  connect(): Socket {
    return connect(this.port, '127.0.0.1').on('error', () => undefined);
  }

  async stop(): Promise<void> {
    this.child.kill('SIGKILL');
    await once(this.child, 'exit');
  }
}
