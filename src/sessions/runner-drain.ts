import {
  type BeforeApplicationShutdown,
  Inject,
  Injectable,
  type OnModuleDestroy,
  Optional,
} from '@nestjs/common';
import { RunnerLogger } from '../errors/runner-logger.js';
import { FleetRouter } from '../http/fleet-router/fleet-router.js';
import { ServerConnections } from '../http/server-connections.js';
import { type ResolvedRunnerOptions, RUNNER_OPTIONS } from '../runner.options.js';
import type { Session } from './session.js';
import { SessionRegistry } from './session-registry.js';

/** Process signals of a shutdown. */
const SIGNALS = ['SIGTERM', 'SIGINT'] as const;
/** Grace period for connections after the conversations have ended, and its minimum, in milliseconds. */
const CONNECTION_GRACE_MS = 2_000;
const MIN_CONNECTION_GRACE_MS = 500;
/** The most session ids in a log line. */
const MAX_NAMED = 10;

/**
 * Graceful shutdown (drain): admits no new sessions, waits up to `drainTimeoutMs` for conversations to end, then ends them as `draining`. Runs when
 * the application shuts down, before any provider that bots use is destroyed. Then the HTTP server's connections are closed.
 */
@Injectable()
export class RunnerDrain implements OnModuleDestroy, BeforeApplicationShutdown {
  private draining: Promise<void> | undefined;
  private readonly haste = new AbortController();
  private shutdownMs = 0;
  /** Time at which the wait for conversations was over. */
  private endsMs = 0;

  constructor(
    @Inject(RUNNER_OPTIONS) private readonly options: ResolvedRunnerOptions,
    private readonly sessions: SessionRegistry,
    private readonly connections: ServerConnections,
    @Optional() private readonly router?: FleetRouter,
  ) {}

  /** Starts the drain, such as before the orchestrator stops routing clients here. Idempotent. @returns when every session has ended */
  start(): Promise<void> {
    return (this.draining ??= this.drain());
  }

  /** Ends the wait for conversations, in the current or a later drain. */
  expedite(): void {
    this.haste.abort();
  }

  /** Drains at shutdown. A further signal expedites it. */
  async onModuleDestroy(): Promise<void> {
    this.shutdownMs = performance.now();
    await untilSignalled(this.start(), () => this.expedite());
  }

  /** Not awaited: the HTTP server closes after this hook, and waits for its connections. */
  beforeApplicationShutdown(): void {
    const nowMs = performance.now();
    const haste = new AbortController();
    const expedited = this.haste.signal.aborted;
    const idleMs = Math.max(
      MIN_CONNECTION_GRACE_MS,
      expedited ? 0 : this.endsMs + CONNECTION_GRACE_MS - nowMs,
    );
    const busyMs = Math.max(
      idleMs,
      expedited ? 0 : this.shutdownMs + this.options.drainTimeoutMs - nowMs,
    );
    const ended = this.connections.end({ idleMs, busyMs, signal: haste.signal });
    void untilSignalled(ended, () => haste.abort());
  }

  private async drain(): Promise<void> {
    const running = this.sessions.close();
    if (running.length + this.passedOn > 0) await this.waitFor(running);
    this.router?.pipes?.cut();
    this.endsMs = performance.now();
    await this.sessions.drain();
  }

  /** Number of sockets that go through this node to another. */
  private get passedOn(): number {
    return this.router?.pipes?.size ?? 0;
  }

  private async waitFor(sessions: Session[]): Promise<void> {
    const { drainTimeoutMs } = this.options;
    const named = sessions.slice(0, MAX_NAMED).map(({ id }) => id);
    const more = sessions.length - named.length;
    new RunnerLogger('PipecatRunner').log(
      `draining: waiting up to ${drainTimeoutMs} ms for ${sessions.length} session(s) to end (drainTimeoutMs): ` +
        `${named.join(', ')}${more > 0 ? ` and ${more} more` : ''}` +
        (this.passedOn > 0 ? `; ${this.passedOn} socket(s) are passed on to other nodes` : ''),
    );
    let timer: NodeJS.Timeout | undefined;
    const { signal } = this.haste;
    const tooLong = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, drainTimeoutMs);
      if (signal.aborted) resolve();
      else signal.addEventListener('abort', () => resolve(), { once: true });
    });
    const ended = Promise.all(sessions.map((session) => session.ended));
    const over = ended.then(() => this.router?.pipes?.ended());
    await Promise.race([over, tooLong]);
    clearTimeout(timer);
  }
}

/** Waits for `work`, and calls `expedite` for each signal in the meantime. */
async function untilSignalled(work: Promise<void>, expedite: () => void): Promise<void> {
  // Nest ignores a second signal. Signals without any listener keep their default behaviour.
  const signals = SIGNALS.filter((signal) => process.listenerCount(signal) > 0);
  for (const signal of signals) process.on(signal, expedite);
  try {
    await work;
  } finally {
    for (const signal of signals) process.off(signal, expedite);
  }
}
