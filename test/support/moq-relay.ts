import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './free-port.js';
import { TOOLS } from './tools.js';

/** MoQ's own relay on a loopback port, with a certificate of its own making. Anybody may do anything below `/anon`. */
export class MoqRelay {
  private child: ChildProcess | undefined;
  /** Output of the relay, for failing tests. */
  output = '';

  private constructor(
    private readonly folder: string,
    private readonly port: number,
  ) {}

  static async start(): Promise<MoqRelay> {
    const relay = new MoqRelay(mkdtempSync(join(tmpdir(), 'moq-relay-')), await freePort());
    // Browsers pin certificates of elliptic curves that are valid for two weeks at most.
    execFileSync(
      'openssl',
      [
        ...['req', '-x509', '-nodes', '-days', '10', '-subj', '/CN=localhost'],
        ...['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'],
        ...['-out', relay.certificate, '-keyout', relay.key],
      ],
      { stdio: 'pipe' },
    );
    await relay.run();
    return relay;
  }

  /** A URL of it. */
  url(path = '/anon'): string {
    return `https://127.0.0.1:${this.port}${path}`;
  }

  /** Path of its certificate. */
  get certificate(): string {
    return join(this.folder, 'certificate.pem');
  }

  private get key(): string {
    return join(this.folder, 'key.pem');
  }

  /** Runs it at the same port as before, and resolves once it listens. */
  async run(): Promise<void> {
    const child = (this.child = spawn(
      TOOLS['moq-relay'].find()!,
      [
        ...['--listen', `127.0.0.1:${this.port}`, '--auth-public', 'anon/**'],
        ...['--listen-tls-cert', this.certificate, '--listen-tls-key', this.key],
      ],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    ));
    let listening = false;
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        this.output += chunk.toString();
        listening ||= chunk.includes('listening');
      });
    }
    while (!listening) {
      if (child.exitCode !== null) throw new Error(`the relay ended:\n${this.output}`);
      await Promise.race([
        once(child.stdout, 'data'),
        once(child.stderr, 'data'),
        once(child, 'exit'),
      ]);
    }
  }

  /** Kills it as a crash would. */
  async kill(): Promise<void> {
    if (!this.child || this.child.exitCode !== null || this.child.signalCode !== null) return;
    this.child.kill('SIGKILL');
    await once(this.child, 'exit');
  }

  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true });
  }
}
