import { attempt } from '../errors/attempt.js';
import { HostCodeError, hostCodeError } from '../errors/host-code-error.js';
import { isInstance, textOfThrown } from '../errors/thrown.js';
import type {
  HangUpOutcome,
  MediaConnection,
  MediaConnectionEvents,
  MediaEnd,
  TransferOptions,
  TransferOutcome,
} from './media-connection.js';

/** Media connection without what another one throws or rejects with, which would end the process and all its calls. */
export class GuardedMediaConnection implements MediaConnection {
  constructor(
    private readonly connection: MediaConnection,
    private readonly onFailure: (error: HostCodeError) => void,
  ) {}

  get capabilities() {
    return this.connection.capabilities;
  }

  get output() {
    return this.connection.output;
  }

  /** @throws what the connection throws: there is no call yet */
  open(events: MediaConnectionEvents): void {
    this.connection.open(events);
  }

  // Called for every frame: it takes no closure.
  sendAudio(pcm: Int16Array): boolean {
    try {
      return this.connection.sendAudio(pcm);
    } catch (thrown) {
      this.fail('sendAudio', thrown);
      return false;
    }
  }

  clear(): void {
    this.attempt('clear', () => this.connection.clear());
  }

  mark(name: string): void {
    this.attempt('mark', () => this.connection.mark(name));
  }

  async sendDtmf(digits: string): Promise<boolean> {
    try {
      return await this.connection.sendDtmf(digits);
    } catch (thrown) {
      this.fail('sendDtmf', thrown);
      return false;
    }
  }

  /** @throws for a message that is no JSON, which is an error of the bot */
  sendMessage(message: unknown): boolean {
    try {
      return this.connection.sendMessage(message);
    } catch (thrown) {
      if (!isJson(message)) throw isInstance(thrown, HostCodeError) ? thrown.cause : thrown;
      this.fail('sendMessage', thrown);
      return false;
    }
  }

  async hangUp(): Promise<HangUpOutcome> {
    try {
      return checkOutcome(await this.connection.hangUp());
    } catch (thrown) {
      return { ok: false, via: 'connection', error: textOf('hangUp', thrown) };
    }
  }

  get transfer(): MediaConnection['transfer'] {
    const { connection } = this;
    if (!connection.transfer) return undefined;
    return async (target: string, options: TransferOptions): Promise<TransferOutcome> => {
      try {
        return checkOutcome(await connection.transfer!(target, options));
      } catch (thrown) {
        return { ok: false, error: textOf('transfer', thrown) };
      }
    };
  }

  close(end: MediaEnd): void {
    this.attempt('close', () => this.connection.close(end));
  }

  private attempt(method: string, call: () => unknown): void {
    attempt(call, (thrown) => this.fail(method, thrown));
  }

  private fail(method: string, thrown: unknown): void {
    this.onFailure(hostCodeError(thrown, threwIn(method)));
  }
}

const threwIn = (method: string): string => `the media connection threw in ${method}()`;

const textOf = (method: string, thrown: unknown): string =>
  `${threwIn(method)}: ${textOfThrown(thrown).text}`;

/** @throws {TypeError} for anything but an outcome */
function checkOutcome<T extends TransferOutcome>(outcome: T): T {
  if (typeof outcome.ok !== 'boolean') throw new TypeError('it has no outcome');
  return outcome;
}

function isJson(message: unknown): boolean {
  try {
    return JSON.stringify(message) !== undefined;
  } catch {
    return false;
  }
}
