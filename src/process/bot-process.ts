import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type Duplex, PassThrough } from 'node:stream';
import { type RunnerLog, RunnerLogger } from '../errors/runner-logger.js';
import { textOfThrown } from '../errors/thrown.js';
import { Allowance } from './allowance.js';
import type { BotMessage, RunnerMessage } from './bot-messages.js';
import { BotOutput } from './bot-output.js';
import { residentBytes, watchMemory } from './memory-limit.js';
import { parseBotMessage } from './parse-bot-message.js';
import { programOf } from './bot-program.js';
import type { ResolvedProcessBotOptions } from './process-bot.options.js';
import { type Pace, readLines } from './read-lines.js';

/** Longest message of a bot, in characters: the longest texts, escaped as JSON. */
const MAX_MESSAGE = 524_288;
/** Rate limit of messages, in bytes a second. Each message counts a thousandth of it beside its own. */
const MESSAGE_BYTES_PER_SECOND = 1_048_576;
const BYTES_A_MESSAGE = 1_024;
/** The most messages that wait for a process to read them, and their bytes. Its start does not count. */
const MAX_UNREAD = 1_000;
const MAX_UNREAD_BYTES = 4_194_304;
/** Grace period for the remaining output of a process that exited, in milliseconds: its children may keep the pipe open. */
export const OUTPUT_GRACE_MS = 500;

/** Bot process for one conversation. */
export class BotProcess {
  /** Log of its output; that of the session, once there is one. */
  logger: RunnerLog = new RunnerLogger('BotProcess');
  /** Receives the bot's messages. */
  onMessage: (message: BotMessage) => void = () => undefined;
  /** Resolves when the process is ready for its conversation. @throws {Error} with the reason when it fails */
  readonly loaded: Promise<void>;
  isLoaded = false;
  /** Routes that the bot's own program would have served. */
  routes: readonly string[] = [];
  /** Resolves with a description of the exit, once the process and its children are gone. Never rejects. */
  readonly exited: Promise<string>;
  /** Socket of the WebSocket relay. */
  readonly socket: Duplex;
  private readonly child: ChildProcess;
  private readonly control: Duplex;
  private readonly output: BotOutput;
  private readonly pace: Pace = {
    bytes: new Allowance(MESSAGE_BYTES_PER_SECOND),
    bytesALine: BYTES_A_MESSAGE,
  };
  private onLoaded: (routes: readonly string[]) => void = () => undefined;
  private isStarted = false;
  private unread = 0;
  private unreadBytes = 0;
  private failedEarly = false;
  /** Reason for killing it. */
  private verdict: string | undefined;
  /** Guards against signalling a recycled process id. */
  private isGone = false;
  private killTimer: NodeJS.Timeout | undefined;

  constructor(
    private readonly options: ResolvedProcessBotOptions,
    modules: Iterable<string> = [],
  ) {
    const { command, args, env, cwd } = programOf(options, modules);
    this.child = spawn(command, args, {
      cwd,
      env,
      // A process group of its own: it is ended with its children, and does not receive the runner's Ctrl-C.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'pipe', 'pipe'],
    });
    // Absent when there are no more file descriptors, which the `error` event reports.
    const stdio = (this.child.stdio ?? []) as unknown as (Duplex | undefined)[];
    const [, stdout, stderr, control, socket, lifeline] = Array.from(
      { length: 6 },
      (_, fd) => stdio[fd] ?? new PassThrough().end(),
    ) as [Duplex, Duplex, Duplex, Duplex, Duplex, Duplex];
    this.control = control;
    this.socket = socket;
    // Write errors after the exit are ignored; the exit reports the cause.
    for (const stream of [control, socket, lifeline]) stream.on('error', () => undefined);
    this.output = new BotOutput(options, () => this.logger);
    const allRead = Promise.allSettled([
      this.output.read(stdout, 'log'),
      this.output.read(stderr, 'warn'),
      this.receive(),
    ]);
    this.exited = this.end(allRead, [stdout, stderr, control], lifeline);
    this.loaded = this.load();
    this.loaded.catch(() => undefined);
  }

  /** Sends a message. A process that leaves too many unread is killed. */
  send(message: RunnerMessage): void {
    const isStart = message.type === 'start';
    this.isStarted ||= isStart || message.type === 'file';
    if (!this.control.writable) return;
    const line = Buffer.from(`${JSON.stringify(message)}\n`);
    if (isStart) return void this.control.write(line);
    const bytes = line.length;
    if (this.unread >= MAX_UNREAD || this.unreadBytes + bytes > MAX_UNREAD_BYTES) {
      const limits = `${MAX_UNREAD} messages or ${MAX_UNREAD_BYTES} bytes of them wait`;
      return this.kill('SIGKILL', `did not read what it was sent: ${limits}`);
    }
    this.unread++;
    this.unreadBytes += bytes;
    this.control.write(line, () => {
      this.unread--;
      this.unreadBytes -= bytes;
    });
  }

  /** Signals the process group. @param verdict the reason, for a fault of the process */
  kill(signal: 'SIGTERM' | 'SIGKILL', verdict?: string): void {
    this.verdict ??= verdict;
    this.signal(signal);
    if (signal === 'SIGTERM') this.killAfterGrace();
  }

  /** Kills the process unless it exits within `killGraceMs`. */
  killAfterGrace(): void {
    this.killTimer ??= setTimeout(() => this.signal('SIGKILL'), this.options.killGraceMs);
  }

  private signal(signal: NodeJS.Signals): void {
    const { pid } = this.child;
    if (pid === undefined || this.isGone) return;
    try {
      process.kill(-pid, signal);
    } catch {
      // The process group is empty.
    }
  }

  /** Watches its resident memory until it exits. @param onOver called once, past `limitBytes` */
  watchMemory(limitBytes: number, onOver: () => void): void {
    const { pid } = this.child;
    if (limitBytes === Infinity || pid === undefined) return;
    this.child.once('exit', watchMemory(pid, limitBytes, onOver));
  }

  /** Returns its resident memory, in bytes; 0 where that is not known. */
  memoryBytes(): Promise<number> {
    return residentBytes(this.child.pid ?? 0);
  }

  private async load(): Promise<void> {
    const { startTimeoutMs } = this.options;
    const timer = setTimeout(
      () => this.kill('SIGKILL', `was not loaded within ${startTimeoutMs} ms`),
      startTimeoutMs,
    );
    const loaded = new Promise<readonly string[]>((resolve) => (this.onLoaded = resolve));
    try {
      this.routes = await Promise.race([
        loaded,
        this.exited.then((how) => {
          throw new Error(
            this.failedEarly
              ? 'The bot cannot be loaded; the log says why.'
              : `The process of the bot ${how}.`,
          );
        }),
      ]);
      this.isLoaded = true;
    } finally {
      clearTimeout(timer);
    }
  }

  private async receive(): Promise<void> {
    for await (const { text, isCut } of readLines(this.control, MAX_MESSAGE, this.pace)) {
      const message = isCut
        ? `sent a message of more than ${MAX_MESSAGE} characters`
        : parseBotMessage(text);
      // Further messages are discarded.
      if (typeof message === 'string') return this.kill('SIGKILL', message);
      if (message?.type === 'loaded') this.onLoaded(message.routes ?? []);
      else if (message?.type === 'log') this.output.log(message.level, message.message);
      else if (message && this.isStarted) this.onMessage(message);
      else if (message) this.receiveEarly(message);
    }
  }

  /** Closes the socket of the relay, whose other end a process that was left behind may hold. */
  release(): void {
    this.socket.destroy();
  }

  private receiveEarly(message: BotMessage): void {
    if (message.type !== 'failed')
      return this.kill('SIGKILL', `sent a message of type ${message.type} before its start`);
    this.output.log('error', [message.message, message.stack].filter(Boolean).join('\n'));
    this.failedEarly = true;
    // Same grace period as after a conversation.
    this.killAfterGrace();
  }

  private async end(
    allRead: Promise<unknown>,
    streams: Duplex[],
    lifeline: Duplex,
  ): Promise<string> {
    const { child } = this;
    const { memoryLimitBytes } = this.options;
    this.watchMemory(memoryLimitBytes, () =>
      this.kill('SIGKILL', `had more than ${memoryLimitBytes} bytes of memory`),
    );
    let how: string;
    try {
      const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
      how = signal ? `was killed by ${signal}` : `exited with code ${code}`;
    } catch (thrown) {
      how = `could not be started: ${textOfThrown(thrown).message}`;
    }
    clearTimeout(this.killTimer);
    // Ends the remaining children.
    this.signal('SIGKILL');
    this.isGone = true;
    lifeline.destroy();
    // Only the content of the pipes is left.
    this.pace.bytes.lift();
    this.output.readRest();
    const patience = setTimeout(
      // Pending data is read first.
      () => setImmediate(() => streams.forEach((stream) => stream.destroy())),
      OUTPUT_GRACE_MS,
    );
    await allRead;
    clearTimeout(patience);
    this.output.end();
    if (!this.isStarted) this.release();
    return this.verdict ?? how;
  }
}
