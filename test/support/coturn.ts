import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './free-port.js';
import { TOOLS } from './tools.js';

/** A TURN server, coturn, on loopback. */
export class Coturn {
  private constructor(
    private readonly child: ChildProcess,
    private readonly port: number,
    private readonly folder: string,
  ) {}

  static async start(): Promise<Coturn> {
    const port = await freePort();
    const folder = await mkdtemp(join(tmpdir(), 'coturn-'));
    const child = spawn(
      TOOLS.coturn.find()!,
      [
        ...['-n', '--no-cli', '--no-tls', '--no-dtls', '--no-rfc5780', '--no-tcp-relay'],
        ...['--log-file', 'stdout', '--simple-log', '--verbose', '--pidfile', join(folder, 'pid')],
        ...['--listening-ip', '127.0.0.1', '--listening-port', String(port)],
        ...['--relay-ip', '127.0.0.1', '--allow-loopback-peers', '--min-port', '20000'],
        ...['--max-port', '30000', '--lt-cred-mech', '--realm', 'test'],
        ...['--user', 'runner:secret', '--user', 'browser:secret'],
      ],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    const coturn = new Coturn(child, port, folder);
    child.stdout.on('data', (chunk: Buffer) => (coturn.output += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (coturn.output += chunk.toString()));
    while (!/UDP listener opened on/.test(coturn.output)) {
      if (child.exitCode !== null) throw new Error(`coturn ended:\n${coturn.output}`);
      await Promise.race([once(child.stdout, 'data'), once(child, 'exit')]);
    }
    return coturn;
  }

  /** Output of the server, for failing tests. */
  output = '';

  get iceServer() {
    const urls = `turn:127.0.0.1:${this.port}?transport=udp`;
    return { urls, username: 'runner', credential: 'secret' };
  }

  /** Resolves once it lends a user no address any more. A busy Chromium now and then keeps one, so each has a name. */
  async isFree(user: string): Promise<void> {
    const count = (what: string): number =>
      this.output.match(new RegExp(`: ${what} realm=<test>, username=<${user}>`, 'g'))?.length ?? 0;
    if (count('new,') === 0) throw new Error(`${user} was lent none:\n${this.output}`);
    while (count('new,') > count('delete:')) {
      await once(this.child.stdout!, 'data');
    }
  }

  async stop(): Promise<void> {
    if (this.child.exitCode === null) {
      this.child.kill('SIGKILL');
      await once(this.child, 'exit');
    }
    await rm(this.folder, { recursive: true });
  }
}
