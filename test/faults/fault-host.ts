import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Platform } from '../support/runner-app.js';
import { spawnHost } from '../support/spawn-host.js';
import type { SessionEndCode } from '../../src/bot/session-end.js';

/** Options of a {@link FaultHost}. */
export interface HostSettings {
  readonly platform: Platform;
  readonly credentials: object;
  readonly daily: object;
  readonly livekit: object;
  /** A file that what became of the sessions is written to when the process ends. */
  readonly lastWords?: string;
}

/** Ends of sessions. */
export interface SessionReport {
  readonly opened: number;
  readonly live: number;
  readonly ends: Record<string, SessionEndCode[]>;
}

/** Resources of a process; see census.js. */
export interface Census {
  readonly heapUsed: number;
  /** Number of sessions in memory. */
  readonly sessions: number;
  readonly [kind: string]: unknown;
}

/** The runner under test, in a process of its own. */
export class FaultHost {
  /** Its exit code, or the signal that killed it. */
  readonly exit: Promise<number | string>;

  private constructor(
    private readonly child: ChildProcess,
    readonly port: number,
  ) {
    this.exit = once(child, 'exit').then(([code, signal]) => (code ?? signal) as number | string);
  }

  static async start(settings: HostSettings): Promise<FaultHost> {
    const { child, port } = await spawnHost(new URL('host.js', import.meta.url), settings);
    return new FaultHost(child, port);
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get pid(): number {
    return this.child.pid!;
  }

  /** Ends of sessions since the last call. */
  report(): Promise<SessionReport> {
    return this.ask('report') as Promise<SessionReport>;
  }

  census(): Promise<Census> {
    return this.ask('census') as Promise<Census>;
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  private async ask(question: string): Promise<unknown> {
    this.child.send(question);
    const [answer] = (await once(this.child, 'message')) as unknown[];
    return answer;
  }
}
