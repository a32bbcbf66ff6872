/** Numbers and ids of a call. */
export interface CallFacts {
  readonly streamId: string;
  readonly callId: string;
  readonly from: string | undefined;
  readonly to: string | undefined;
  readonly customParameters: Record<string, string>;
}

/** A message of the bot, the fields that a dialect reads. */
export interface BotMessage {
  readonly event?: unknown;
  readonly name?: unknown;
  readonly media?: { readonly payload?: unknown };
  readonly mark?: { readonly name?: unknown };
  readonly [field: string]: unknown;
}

/** Counters of a call for carriers that number messages: messages of each side, and the caller's audio. */
export interface CallCounts {
  readonly sent: number;
  readonly received: number;
  readonly spokenMs: number;
}

/** Carrier side of the media WebSocket protocol, for the testing kit: 8 kHz, frames of 20 ms. */
export interface CarrierDialect {
  readonly encoding: 'mulaw' | 'l16';
  newIds(): { streamId: string; callId: string };
  /** Messages before the first audio. */
  handshake(facts: CallFacts): object[];
  /**
   * Media message with a frame of the caller's audio. Omitted where audio is binary, both ways.
   * @param frame number of the frame, from 0
   */
  media?(facts: CallFacts, payload: string, sequence: number, frame: number): object;
  /** Returns the base64 audio in a message of the bot. */
  audioOf?(message: BotMessage): string | undefined;
  /** Message for the caller's hang-up. Omitted where the carrier only closes the connection. */
  stop?(facts: CallFacts): object;
  /** Message for a DTMF digit. */
  dtmf(facts: CallFacts, digit: string, sequence: number): object;
  /** Returns the name of the mark that a message of the bot sets. */
  markOf?(message: BotMessage): string | undefined;
  /** Message that confirms a mark: all audio before it was played. */
  played?(facts: CallFacts, name: string, sequence: number): object;
  /** Returns the event name of a bot's message. @default its `event` */
  eventOf?(message: BotMessage): unknown;
  /** Event by which the bot clears the playback buffer (barge-in). */
  readonly clearEvent: string;
  /** Answer to the clear event, and whether pending marks are confirmed then. Omitted where the carrier sends none. */
  cleared?(facts: CallFacts, sequence: number): object;
  readonly returnsMarks: boolean;
  /** Event of the bot that the caller's audio waits for. */
  readonly openEvent?: string;
  /** Answer to a message of the bot; `close` closes the connection. */
  reply?(message: BotMessage): object | 'close' | undefined;
  /** Adds sequence numbers to a message. */
  stamp?(message: object, facts: CallFacts, counts: CallCounts): object;
  /** True when the carrier itself sends the numbers of a call that a webhook has connected. */
  readonly tellsNumbers?: boolean;
}

/** Returns a random id in hexadecimal. */
export const hexId = (): string => crypto.randomUUID().replaceAll('-', '');

/** Returns a reader of the audio payload in messages with one event name. */
export const payloadOf =
  (event: string) =>
  (message: BotMessage): string | undefined =>
    message.event === event && typeof message.media?.payload === 'string'
      ? message.media.payload
      : undefined;

/** Messages shared by Twilio and compatible carriers, with the carrier's own keys for the stream and the counter. */
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
  const message = (event: string, { streamId }: CallFacts, sequence: number, more: object) => ({
    event,
    [counterKey]: String(sequence + 2),
    [streamKey]: streamId,
    ...more,
  });
  return {
    encoding: 'mulaw',
    media: (facts, payload, sequence, frame) =>
      message('media', facts, sequence, {
        media: {
          track: 'inbound',
          chunk: String(frame + 1),
          timestamp: String(frame * 20),
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
      message('dtmf', facts, sequence, {
        dtmf: { track: 'inbound_track', digit, duration: '100' },
      }),
    markOf: ({ event, mark }) => (event === 'mark' ? String(mark?.name) : undefined),
    played: (facts, name, sequence) => message('mark', facts, sequence, { mark: { name } }),
    clearEvent: 'clear',
    returnsMarks: true,
  };
}
