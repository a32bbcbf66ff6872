import { setTimeout as sleep } from 'node:timers/promises';
import { attempt } from '../../errors/attempt.js';
import { textOfThrown } from '../../errors/thrown.js';
import type { MediaTransport } from '../../media/media-transport.js';
import type { RtviSession } from '../../rtvi/rtvi-session.js';
import { CountedWarnings } from '../counted-warnings.js';
import { UNREAD_INPUT } from '../model-input.js';
import { LiveCalls, type RunFunction } from './live-calls.js';
import { LiveConnection } from './live-connection.js';
import type { LiveConnect, LiveInput } from './live-module.js';
import { LiveSpeech } from './live-speech.js';
import { readMessage } from './read-message.js';
import { sizeOf, UnansweredInput } from './unanswered-input.js';

/** Delays before the attempts to connect again, in milliseconds. */
const RECONNECT_DELAYS_MS = [0, 500, 2_000];
/** Age from which a connection counts as steady: its loss begins the attempts anew. In milliseconds. */
const STEADY_MS = 10_000;
/** Time before the announced end of a connection at which it is left, whatever happens. In milliseconds. */
const LEAVE_EARLY_MS = 2_000;
/** Longest announcement of an end that is waited for, in milliseconds. */
const MAX_LEAVE_MS = 600_000;

interface Settings {
  readonly rtvi: RtviSession | undefined;
  readonly onFunctionCall: RunFunction | undefined;
  readonly warn: (text: string) => void;
}

/** A conversation with the model, over one connection after the other. */
export class LiveConversation {
  readonly ended: Promise<void>;
  private resolve!: () => void;
  private reject!: (error: Error) => void;
  private readonly over = new AbortController();
  private connection: LiveConnection | undefined;
  private next: LiveConnection | undefined;
  private openedAtMs = 0;
  private attempts = 0;
  private isReconnecting = false;
  private handle: string | undefined;
  /** True while the newest handle has everything that was said. */
  private isResumable = false;
  /** Set while the model is about to close the connection. */
  private leaving: NodeJS.Timeout | undefined;
  private readonly unanswered = new UnansweredInput();
  /** True when the model has called a function since the last answer, which must not be called twice. */
  private hasCalled = false;
  private readonly speech: LiveSpeech;
  private readonly warnings: CountedWarnings;

  constructor(
    transport: MediaTransport,
    private readonly open: LiveConnect,
    private readonly settings: Settings,
  ) {
    this.ended = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    this.warnings = new CountedWarnings(settings.warn);
    this.speech = new LiveSpeech(transport, settings.rtvi, {
      answering: () => this.unanswered.answering(),
      answered: () => {
        this.unanswered.answered();
        this.hasCalled = false;
      },
    });
  }

  /** Connects, and changes to the new connection. @throws the error of a connection that could not be made */
  async connect(): Promise<void> {
    const { onFunctionCall, warn } = this.settings;
    const calls = new LiveCalls(
      onFunctionCall,
      (text, kind) => this.warnings.warn(text, kind),
      () => this.leaveIfIdle(),
    );
    const next = (this.next = new LiveConnection(this.open, this.handle, calls, {
      message: (message) => this.guard(() => this.receive(next, message)),
      error: (text) => warn(`the model says: ${text}`),
      lost: (why) => this.lost(why),
    }));
    try {
      await next.opened();
    } catch (error) {
      next.close();
      throw error;
    }
    if (!this.isOver) this.change(next);
  }

  /** Aborts when the conversation has ended. */
  get signal(): AbortSignal {
    return this.over.signal;
  }

  /** Sends input. While there is no connection it waits for the next; while too much waits to be sent it is dropped. */
  send(input: LiveInput): void {
    if (this.isOver) return;
    if (this.connection?.takes(sizeOf(input)) === false) {
      return this.warnings.warn(UNREAD_INPUT);
    }
    if (!this.connection || this.handle !== undefined) this.unanswered.add(input);
    this.guard(() => this.connection?.send(input));
  }

  /**
   * Sends a text that the user typed.
   * @param interrupts true to cut off the answer before
   * @returns false when it was refused: too much input waits for the model, or for a connection
   */
  type(text: string, interrupts: boolean): boolean {
    const input = { text };
    const { connection } = this;
    const isTaken = connection
      ? connection.takes(sizeOf(input))
      : this.unanswered.hasRoomFor(input);
    if (!isTaken) return false;
    if (interrupts) this.speech.cutOff();
    this.send(input);
    return true;
  }

  /** Ends the conversation. */
  close(): void {
    if (this.isOver) return;
    this.end();
    this.resolve();
  }

  private get isOver(): boolean {
    return this.over.signal.aborted;
  }

  private fail(message: string): void {
    if (this.isOver) return;
    this.end();
    this.reject(new Error(message));
  }

  private end(): void {
    this.over.abort();
    this.stopLeaving();
    this.connection?.close();
    this.next?.close();
    this.warnings.end();
  }

  private guard(call: () => void): void {
    try {
      call();
    } catch (thrown) {
      this.warnings.warn(`the model failed: ${textOfThrown(thrown).text}`, 'failed');
    }
  }

  private change(next: LiveConnection): void {
    this.stopLeaving();
    this.connection?.close();
    this.connection = next;
    this.openedAtMs = performance.now();
    this.speech.connectionLost(!this.hasCalled);
    this.hasCalled = false;
    // The newest handle may stand for less: what came after it is sent again.
    const input = this.unanswered.take();
    next.begin();
    for (const one of input) this.send(one);
  }

  private lost(why: string): void {
    this.connection = undefined;
    if (this.handle === undefined) this.fail(`The model has closed the connection: ${why}`);
    else this.continue(why);
  }

  private continue(why: string): void {
    attempt(
      () => this.reconnect(why),
      (thrown) => this.fail(textOfThrown(thrown).message),
    );
  }

  /** Continues with another connection. */
  private async reconnect(why: string): Promise<void> {
    if (this.isReconnecting) return;
    this.isReconnecting = true;
    if (performance.now() - this.openedAtMs > STEADY_MS) this.attempts = 0;
    let problem = why;
    for (;;) {
      const delayMs = RECONNECT_DELAYS_MS[this.attempts++];
      if (delayMs === undefined) break;
      await sleep(delayMs, undefined, { signal: this.over.signal }).catch(() => undefined);
      if (this.isOver) break;
      try {
        await this.connect();
        this.isReconnecting = false;
        return;
      } catch (thrown) {
        problem = textOfThrown(thrown).message;
        this.settings.warn(`the model could not be reached again: ${problem}`);
      }
    }
    this.isReconnecting = false;
    // One that is about to be closed serves until then.
    if (!this.connection) this.fail(`The model could not be reached again: ${problem}`);
  }

  private receive(connection: LiveConnection, given: unknown): void {
    const message = readMessage(given, (part) =>
      this.warnings.warn(`the model sent a malformed ${part}; it is dropped`, 'malformed'),
    );
    const { serverContent, toolCall, toolCallCancellation, goAway } = message;
    if (message.sessionResumptionUpdate) this.resumable(message.sessionResumptionUpdate);
    if (serverContent) this.speech.hear(serverContent);
    for (const call of toolCall?.functionCalls ?? []) {
      this.hasCalled = true;
      this.unanswered.clear();
      attempt(
        () => connection.calls.run(call, (response) => connection.respond(response)),
        (thrown) => this.fail(textOfThrown(thrown).message),
      );
    }
    if (toolCallCancellation?.ids) connection.calls.cancel(toolCallCancellation.ids);
    this.tellActivity(message.voiceActivity?.voiceActivityType);
    if (goAway) this.leave(goAway.timeLeft);
    this.leaveIfIdle();
  }

  private resumable({ newHandle, resumable }: { newHandle?: string; resumable?: boolean }): void {
    this.isResumable = Boolean(newHandle) && resumable !== false;
    if (!this.isResumable) return;
    this.handle = newHandle;
    this.unanswered.clear();
  }

  private tellActivity(type: string | undefined): void {
    if (type === 'ACTIVITY_START') this.settings.rtvi?.send('user-started-speaking');
    if (type === 'ACTIVITY_END') this.settings.rtvi?.send('user-stopped-speaking');
  }

  /** The model ends the connection soon: another begins before it does. */
  private leave(timeLeft = ''): void {
    if (this.leaving) return;
    const leftMs = Number(/^(\d+(?:\.\d+)?)s$/.exec(timeLeft)?.[1] ?? 0) * 1_000;
    const delayMs = Math.min(Math.max(0, leftMs - LEAVE_EARLY_MS), MAX_LEAVE_MS);
    this.leaving = setTimeout(() => {
      if (this.handle !== undefined) this.continue('going away');
    }, delayMs);
  }

  /** Leaves a connection that ends soon, when there is nothing to lose. */
  private leaveIfIdle(): void {
    if (!this.leaving || !this.isResumable) return;
    if (this.speech.isGenerating || this.connection?.calls.isRunning) return;
    this.continue('going away');
  }

  private stopLeaving(): void {
    clearTimeout(this.leaving);
    this.leaving = undefined;
  }
}
