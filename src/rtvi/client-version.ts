import { type BotOutput, RTVI_VERSION, type RtviOutgoing } from './rtvi-messages.js';

/** A message to the client. */
export interface OutgoingMessage {
  readonly type: string;
  readonly data: unknown;
}

const [MAJOR] = numbersOf(RTVI_VERSION);
/** Deprecated major version, which is still supported. */
const LEGACY_MAJOR = 1;

/** RTVI version of a client, and the messages that it understands. */
export class ClientVersion {
  private readonly numbers: readonly [number, number, number];

  /** @param text three numbers; `undefined` for an unknown version */
  constructor(private readonly text: string | undefined) {
    this.numbers = numbersOf(text ?? '0.0.0');
  }

  get isSupported(): boolean {
    return this.numbers[0] === MAJOR || this.isLegacy;
  }

  /** Version for `bot-ready`: RTVI 1 clients choose their reading of `bot-output` by it. */
  get answered(): string {
    return this.text !== undefined && this.isLegacy ? this.text : RTVI_VERSION;
  }

  private get isLegacy(): boolean {
    return this.numbers[0] === LEGACY_MAJOR;
  }

  private isAtLeast(major: number, minor: number): boolean {
    const [ownMajor, ownMinor] = this.numbers;
    return ownMajor > major || (ownMajor === major && ownMinor >= minor);
  }

  /** Converts a message to what the client understands, as Pipecat does; `undefined` when it is not for this client. */
  adapt({ type, data }: OutgoingMessage): OutgoingMessage | undefined {
    switch (type) {
      case 'stt-raw-text':
      case 'llm-raw-text':
      case 'tts-raw-text':
        return this.isAtLeast(2, 2) ? { type, data } : undefined;
      case 'bot-output': {
        const output = this.botOutput(data as BotOutput);
        return output && { type, data: output };
      }
      case 'llm-function-call': {
        // RTVI 2.0 clients for iOS and Android know no other type; with both, clients for the web would run the function twice.
        if (!this.isAtLeast(2, 1)) return { type, data };
        const { args, ...call } = data as RtviOutgoing['llm-function-call'];
        return { type: 'llm-function-call-in-progress', data: { ...call, arguments: args } };
      }
      default:
        return { type, data };
    }
  }

  private botOutput(output: BotOutput): object | undefined {
    const {
      aggregated_by,
      output_type = aggregated_by,
      ...rest
    }: { readonly output_type?: string; readonly aggregated_by?: string } & BotOutput = output;
    // Older clients would show it as part of the bot's answer.
    if (output_type === 'backchannel' && !this.isAtLeast(2, 2)) return undefined;
    if (!this.isLegacy) return { ...rest, output_type, aggregated_by: output_type };
    // RTVI 1 has no progress of speech. Without a `spoken_status`, text that will be spoken counts as spoken.
    const { text, will_be_spoken = false, spoken_status } = rest;
    if (spoken_status === 'in-progress') return undefined;
    const spoken = spoken_status ? spoken_status === 'completed' : will_be_spoken;
    return { text, aggregated_by: output_type, spoken };
  }
}

function numbersOf(version: string): [number, number, number] {
  const [major = 0, minor = 0, patch = 0] = version.split('.').map(Number);
  return [major, minor, patch];
}
