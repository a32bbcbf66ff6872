import { within } from '../../errors/attempt.js';
import { fieldOf } from '../../errors/thrown.js';
import { printable } from '../../validation/printable.js';
import { hasRoom, TOO_MUCH_INPUT } from '../model-input.js';
import type { LiveCalls } from './live-calls.js';
import type {
  Live,
  LiveConnect,
  LiveFunctionResponse,
  LiveInput,
  LiveMessage,
} from './live-module.js';

/** Timeout of the model to complete the set-up of a connection, in milliseconds. */
const CONNECT_TIMEOUT_MS = 10_000;
/** Longest reason of the model that is told, in characters. */
const MAX_REASON = 200;

/** Events of a {@link LiveConnection}: none before its `begin()`, and none after its `close()`. */
export interface LiveConnectionEvents {
  message(message: LiveMessage): void;
  error(text: string): void;
  /** The model has closed the connection, which was open. */
  lost(why: string): void;
}

/** One connection to the model. */
export class LiveConnection {
  private readonly opening: Promise<Live>;
  private live: Live | undefined;
  private leave!: () => void;
  private readonly left = new Promise<undefined>((resolve) => {
    this.leave = () => resolve(undefined);
  });
  private isOver = false;
  private lostBecause: string | undefined;
  /** Messages until {@link begin}. */
  private held: LiveMessage[] | undefined = [];

  /** @param calls those that the model makes over this connection: its end cancels them */
  constructor(
    connect: LiveConnect,
    handle: string | undefined,
    readonly calls: LiveCalls,
    private readonly events: LiveConnectionEvents,
  ) {
    this.opening = this.open(connect, handle);
    // `opened()` tells it.
    this.opening.catch(() => undefined);
  }

  private async open(connect: LiveConnect, handle: string | undefined): Promise<Live> {
    return connect(
      {
        onmessage: (message) => {
          if (this.held) this.held.push(message);
          else if (!this.isOver) this.events.message(message);
        },
        onerror: ({ message = 'unknown error' }) => {
          // An error before it is open rejects.
          if (this.live && !this.isOver) this.events.error(printable(message, MAX_REASON));
        },
        onclose: ({ code, reason }) => {
          this.lostBecause = printable(`${code ?? ''} ${reason ?? ''}`, MAX_REASON).trim();
          this.calls.cancel();
          if (this.live && !this.isOver) this.events.lost(this.lostBecause);
        },
      },
      handle,
    );
  }

  /** Resolves when it is open, or {@link close} was called. @throws the error of a connection that could not be made */
  async opened(): Promise<void> {
    const late = () =>
      new Error(`The model did not complete the set-up within ${CONNECT_TIMEOUT_MS / 1_000} s.`);
    const live = await within(CONNECT_TIMEOUT_MS, Promise.race([this.opening, this.left]), late);
    if (this.lostBecause !== undefined) {
      throw new Error(`The model closed the connection at once: ${this.lostBecause}`);
    }
    this.live = live;
  }

  /** Passes on what the model has sent meanwhile, and from now on. */
  begin(): void {
    const held = this.held ?? [];
    this.held = undefined;
    for (const message of held) this.events.message(message);
  }

  /** Returns true when there is room for more input: the model takes what is sent. */
  takes(bytes: number): boolean {
    return hasRoom(this.waitingBytes, bytes);
  }

  /** Bytes that wait for the model. The library tells nothing of them, but its socket does. */
  private get waitingBytes(): number {
    const socket = fieldOf(fieldOf(this.live, 'conn'), 'ws');
    const bytes = fieldOf(socket, 'bufferedAmount');
    return typeof bytes === 'number' ? bytes : 0;
  }

  send(input: LiveInput): void {
    this.live?.sendRealtimeInput(input);
  }

  /** Tells the result of a call. @throws {Error} when too much waits for the model */
  respond(response: LiveFunctionResponse): void {
    if (!this.takes(0)) throw new Error(TOO_MUCH_INPUT);
    this.live?.sendToolResponse({ functionResponses: [response] });
  }

  /** Closes it, also when it opens later. */
  close(): void {
    this.isOver = true;
    this.calls.cancel();
    this.leave();
    this.opening.then((live) => live.close()).catch(() => undefined);
  }
}
