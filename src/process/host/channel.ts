import { EventEmitter } from 'node:events';
import { Socket } from 'node:net';
import type { BotMessage, RunnerMessage } from '../bot-messages.js';
import { readLines } from '../read-lines.js';

const CONTROL_FD = 3;
/** What is known of what the runner says. */
const TYPES: Readonly<Record<RunnerMessage['type'], true>> = {
  start: true,
  stop: true,
  hung_up: true,
  transferred: true,
};

/** The bot's end of the line to the runner. The process goes with it. */
export class Channel {
  private readonly control = new Socket({ fd: CONTROL_FD, readable: true, writable: true });
  private readonly heard = new EventEmitter();

  constructor() {
    this.control.on('error', () => undefined);
    this.control.once('close', () => process.kill(-process.pid, 'SIGKILL'));
    void this.receive();
  }

  private async receive(): Promise<void> {
    for await (const { text } of readLines(this.control, Infinity)) {
      const message = JSON.parse(text) as RunnerMessage;
      // It may be a newer runner, that says more.
      if (Object.hasOwn(TYPES, message.type)) this.heard.emit(message.type, message);
    }
  }

  /** What the runner says of a kind, from now on. */
  next<T extends RunnerMessage['type']>(type: T): Promise<Extract<RunnerMessage, { type: T }>> {
    return new Promise((resolve) => this.heard.once(type, resolve));
  }

  /** @returns when it is on its way */
  send(message: BotMessage): Promise<void> {
    return new Promise((resolve) => {
      this.control.write(`${JSON.stringify(message)}\n`, () => resolve());
    });
  }
}
