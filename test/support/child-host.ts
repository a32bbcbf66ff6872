import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** A program under test, in a process of its own. */
export class ChildHost {
  private output = '';

  private constructor(
    readonly child: ChildProcess,
    readonly url: string,
  ) {}

  /** Starts it and resolves once it has printed where it listens: a URL, or `listening on <port>`. */
  static start(file: string, ...args: string[]): Promise<ChildHost> {
    return ChildHost.startWith({}, file, ...args);
  }

  /** The same, with more in its environment. */
  static async startWith(
    env: Record<string, string>,
    file: string,
    ...args: string[]
  ): Promise<ChildHost> {
    const child = spawn(process.execPath, [file, ...args], { env: { ...process.env, ...env } });
    let output = '';
    child.stderr.on('data', (text: Buffer) => (output += text.toString()));
    for await (const line of createInterface(child.stdout)) {
      output += `${line}\n`;
      const port = /listening on (\d+)|http:\/\/127\.0\.0\.1:(\d+)/.exec(line);
      if (!port) continue;
      const host = new ChildHost(child, `http://127.0.0.1:${port[1] ?? port[2]}`);
      child.stdout.on('data', (text: Buffer) => (host.output += text.toString()));
      return host;
    }
    throw new Error(`it did not start: ${output}`);
  }

  /** Everything it has printed since it listens. */
  get log(): string {
    return this.output;
  }

  /** Resolves once it has printed a text, from now on. */
  async printed(text: string): Promise<void> {
    while (!this.output.includes(text)) await once(this.child.stdout!, 'data');
  }

  /** Resolves with how it ended: its exit code, or the signal that killed it. */
  async exit(): Promise<number | string | null> {
    const { exitCode, signalCode } = this.child;
    if (exitCode !== null || signalCode !== null) return exitCode ?? signalCode;
    const [code, signal] = (await once(this.child, 'exit')) as [number | null, string | null];
    return code ?? signal;
  }

  /** Ends it, whatever it is doing. */
  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.exit();
  }
}
