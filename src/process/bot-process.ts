import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type Duplex, PassThrough, type Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { Logger } from '@nestjs/common';
import { textOfThrown } from '../errors/thrown.js';
import type { BotMessage, RunnerMessage } from './bot-messages.js';
import { logOutput } from './bot-output.js';
import { watchMemory } from './memory-limit.js';
import { programOf } from './bot-program.js';
import type { ResolvedProcessBotOptions } from './process-bot.options.js';
import { readLines } from './read-lines.js';

/** The longest message of a bot, in characters. */
const MAX_MESSAGE = 1_048_576;
/** How long the last words of a process are waited for when it is gone, in milliseconds: what it has started may hold the pipe. */
const OUTPUT_GRACE_MS = 500;

/** One process with one bot, for one conversation. */
export class BotProcess {
  /** Where its output goes; the session's, once it has one. */
  logger = new Logger('BotProcess');
  /** Is told what the bot says. */
  onMessage: (message: BotMessage) => void = () => undefined;
  /** Resolves once it waits for its conversation. @throws {Error} when it never will: why */
  readonly loaded: Promise<void>;
  isLoaded = false;
  /** Resolves with how it ended, in words, once it and whatever it started is gone. Never rejects. */
  readonly exited: Promise<string>;
  /** Where a WebSocket is relayed. */
  readonly socket: Duplex;
  private readonly child: ChildProcess;
  private readonly control: Duplex;
  /** Why it was killed. */
  private verdict: string | undefined;
  /** From then on its id may be another's. */
  private isGone = false;
  private killTimer: NodeJS.Timeout | undefined;

  constructor(private readonly options: ResolvedProcessBotOptions) {
    const { command, args, env, cwd } = programOf(options);
    this.child = spawn(command, args, {
      cwd,
      env,
      // Its own group, so that it can be ended with all that it starts, and a Ctrl-C is the runner's.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'pipe'],
    });
    // There are none where there are no more file descriptors to be had, of which the `error` event tells.
    const stdio = (this.child.stdio ?? []) as unknown as (Duplex | undefined)[];
    const [, stdout, stderr, control, socket] = Array.from(
      { length: 5 },
      (_, fd) => stdio[fd] ?? new PassThrough().end(),
    ) as [Duplex, Duplex, Duplex, Duplex, Duplex];
    this.control = control;
    this.socket = socket;
    // What is written to a process that is gone; its exit tells it all.
    for (const stream of [control, socket]) stream.on('error', () => undefined);
    logOutput(stdout, 'log', () => this.logger);
    logOutput(stderr, 'warn', () => this.logger);
    this.exited = this.end([stdout, stderr, control]);
    this.loaded = this.load();
    this.loaded.catch(() => undefined);
  }

  send(message: RunnerMessage): void {
    if (this.control.writable) this.control.write(`${JSON.stringify(message)}\n`);
  }

  /** Has it end, with all that it has started. @param verdict why, in words, where that is its own fault */
  kill(signal: 'SIGTERM' | 'SIGKILL', verdict?: string): void {
    this.verdict ??= verdict;
    this.signal(signal);
    if (signal === 'SIGTERM') this.killAfterGrace();
  }

  /** Has it end if it does not by itself, within `killGraceMs`. */
  killAfterGrace(): void {
    this.killTimer ??= setTimeout(() => this.signal('SIGKILL'), this.options.killGraceMs);
  }

  private signal(signal: NodeJS.Signals): void {
    const { pid } = this.child;
    if (pid === undefined || this.isGone) return;
    try {
      process.kill(-pid, signal);
    } catch {
      // Nobody is left in its group.
    }
  }

  private async load(): Promise<void> {
    const { startTimeoutMs } = this.options;
    const timer = setTimeout(
      () => this.kill('SIGKILL', `was not loaded within ${startTimeoutMs} ms`),
      startTimeoutMs,
    );
    let failure: string | undefined;
    const loaded = new Promise<void>((resolve) => {
      readLines(this.control, MAX_MESSAGE, (line, cut) => {
        const message = cut ? undefined : parse(line);
        if (!message) this.kill('SIGKILL', 'said what is no message of the protocol');
        else if (message.type === 'loaded') resolve();
        else if (message.type === 'log') this.logger[levelOf(message.level)](message.message);
        else if (message.type === 'failed' && !this.isLoaded) {
          this.logger.error(message.message, message.stack);
          failure = 'The bot cannot be loaded; the log says why.';
        } else this.onMessage(message);
      });
    });
    try {
      await Promise.race([
        loaded,
        this.exited.then((how) => {
          throw new Error(failure ?? `The process of the bot ${how}.`);
        }),
      ]);
      this.isLoaded = true;
    } finally {
      clearTimeout(timer);
    }
  }

  private async end(output: Readable[]): Promise<string> {
    const { child } = this;
    const { memoryLimitBytes } = this.options;
    const unwatch =
      memoryLimitBytes < Infinity && child.pid !== undefined
        ? watchMemory(child.pid, memoryLimitBytes, () =>
            this.kill('SIGKILL', `had more than ${memoryLimitBytes} bytes of memory`),
          )
        : undefined;
    let how: string;
    try {
      const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
      how = signal ? `was killed by ${signal}` : `exited with code ${code}`;
    } catch (thrown) {
      how = `could not be started: ${textOfThrown(thrown).message}`;
    }
    clearTimeout(this.killTimer);
    unwatch?.();
    // Whatever it has started.
    this.signal('SIGKILL');
    this.isGone = true;
    const patience = setTimeout(
      // What is there already is read first.
      () => setImmediate(() => output.forEach((stream) => stream.destroy())),
      OUTPUT_GRACE_MS,
    );
    await Promise.allSettled(output.map((stream) => finished(stream, { writable: false })));
    clearTimeout(patience);
    return this.verdict ?? how;
  }
}

function parse(line: string): BotMessage | undefined {
  try {
    const message = JSON.parse(line) as { type?: unknown } | null;
    return typeof message?.type === 'string' ? (message as BotMessage) : undefined;
  } catch {
    return undefined;
  }
}

const LEVELS = ['verbose', 'debug', 'log', 'warn', 'error', 'fatal'] as const;

/** A bot may be in any language, and say anything. */
const levelOf = (level: unknown): (typeof LEVELS)[number] =>
  LEVELS.find((one) => one === level) ?? 'log';
