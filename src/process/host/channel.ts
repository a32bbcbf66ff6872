import { EventEmitter } from 'node:events';
import { Socket } from 'node:net';
import type { PeerRequest } from '../../bot/bot-peer.js';
import type { BotMessage, RunnerMessage } from '../bot-messages.js';
import { readLines } from '../read-lines.js';

const CONTROL_FD = 3;
/** Known types of the runner's messages. A bot in Node holds no peer connection, and no files. */
const TYPES: Readonly<Record<Exclude<RunnerMessage['type'], PeerRequest['type'] | 'file'>, true>> =
  {
    start: true,
    stop: true,
    hung_up: true,
    transferred: true,
  };

/** Connection to the runner. The process exits when it closes. */
export class Channel {
  private readonly control = new Socket({ fd: CONTROL_FD, readable: true, writable: true });
  private readonly messages = new EventEmitter();

  constructor() {
    this.control.on('error', () => undefined);
    this.control.once('close', () => process.kill(-process.pid, 'SIGKILL'));
    void this.receive();
  }

  private async receive(): Promise<void> {
    for await (const { text } of readLines(this.control, Infinity)) {
      const message = JSON.parse(text) as RunnerMessage;
      // Unknown types of newer runners are ignored.
      if (Object.hasOwn(TYPES, message.type)) this.messages.emit(message.type, message);
    }
  }

  /** Resolves with the runner's next message of a type. */
  next<T extends RunnerMessage['type']>(type: T): Promise<Extract<RunnerMessage, { type: T }>> {
    return new Promise((resolve) => this.messages.once(type, resolve));
  }

  /** @returns when the message is flushed */
  send(message: BotMessage): Promise<void> {
    return new Promise((resolve) => {
      this.control.write(`${JSON.stringify(message)}\n`, () => resolve());
    });
  }
}
