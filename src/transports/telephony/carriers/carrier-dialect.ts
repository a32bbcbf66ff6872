/** The two numbers and the ids of a call. */
export interface CallFacts {
  readonly streamId: string;
  readonly callId: string;
  readonly from: string | undefined;
  readonly to: string | undefined;
  readonly customParameters: Record<string, string>;
}

/** A message of the bot, as far as it is understood. */
export interface BotMessage {
  readonly event?: unknown;
  readonly name?: unknown;
  readonly media?: { readonly payload?: unknown };
  readonly mark?: { readonly name?: unknown };
  readonly [field: string]: unknown;
}

/** The state of a call for carriers that count: messages of each side so far, and the audio of the caller. */
export interface CallCounts {
  readonly sent: number;
  readonly received: number;
  readonly spokenMs: number;
}

/** The carrier's half of the protocol of a media WebSocket, after the page each names: 8 kHz, in frames of 20 ms. */
export interface CarrierDialect {
  readonly encoding: 'mulaw' | 'l16';
  newIds(): { streamId: string; callId: string };
  /** What is sent before any audio. */
  handshake(facts: CallFacts): object[];
  /** One frame of the caller's audio; without it audio is binary, both ways. */
  media?(facts: CallFacts, payload: string, sequence: number): object;
  /** The base64 audio in a message of the bot. */
  audioOf?(message: BotMessage): string | undefined;
  /** The caller hung up; a carrier that documents no such message just closes. */
  stop?(facts: CallFacts): object;
  /** A key was pressed. */
  dtmf(facts: CallFacts, digit: string, sequence: number): object;
  /** The name of the mark that a message of the bot sets. */
  markOf?(message: BotMessage): string | undefined;
  /** All audio before a mark was played. */
  played?(facts: CallFacts, name: string, sequence: number): object;
  /** The name of a bot's message. @default its `event` */
  eventOf?(message: BotMessage): unknown;
  /** The message by which the bot drops what was not played yet. */
  readonly clearEvent: string;
  /** What it is answered with, where the carrier answers it, and whether the marks that were waiting come back then. */
  cleared?(facts: CallFacts, sequence: number): object;
  readonly returnsMarks: boolean;
  /** The message of the bot that the caller's audio waits for. */
  readonly openEvent?: string;
  /** The answer to a message of the bot; `close` closes the connection. */
  reply?(message: BotMessage): object | 'close' | undefined;
  /** Numbers a message. */
  stamp?(message: object, facts: CallFacts, counts: CallCounts): object;
  /** Whether the carrier itself tells the numbers of a call that a webhook has connected. */
  readonly tellsNumbers?: boolean;
}

/** A random id in hexadecimal. */
export const hexId = (): string => crypto.randomUUID().replaceAll('-', '');

/** Reads audio out of messages of one name. */
export const payloadOf =
  (event: string) =>
  (message: BotMessage): string | undefined =>
    message.event === event && typeof message.media?.payload === 'string'
      ? message.media.payload
      : undefined;

/** The messages that Twilio and carriers like it have in common, in their own names for the stream and the counter. */
export function jsonDialect(
  streamKey: string,
  counterKey: string,
  callKey: string,
): Pick<
  CarrierDialect,
  | 'encoding'
  | 'media'
  | 'stop'
  | 'audioOf'
  | 'dtmf'
  | 'markOf'
  | 'played'
  | 'clearEvent'
  | 'returnsMarks'
> {
  const say = (event: string, { streamId }: CallFacts, sequence: number, more: object) => ({
    event,
    [counterKey]: String(sequence + 2),
    [streamKey]: streamId,
    ...more,
  });
  return {
    encoding: 'mulaw',
    media: (facts, payload, sequence) =>
      say('media', facts, sequence, {
        media: {
          track: 'inbound',
          chunk: String(sequence + 1),
          timestamp: String(sequence * 20),
          payload,
        },
      }),
    stop: ({ streamId, callId }) => ({
      event: 'stop',
      [streamKey]: streamId,
      stop: { [callKey]: callId },
    }),
    audioOf: payloadOf('media'),
    dtmf: (facts, digit, sequence) =>
      say('dtmf', facts, sequence, { dtmf: { track: 'inbound_track', digit, duration: '100' } }),
    markOf: ({ event, mark }) => (event === 'mark' ? String(mark?.name) : undefined),
    played: (facts, name, sequence) => say('mark', facts, sequence, { mark: { name } }),
    clearEvent: 'clear',
    returnsMarks: true,
  };
}
