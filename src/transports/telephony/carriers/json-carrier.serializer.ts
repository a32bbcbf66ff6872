import type { AudioCodec } from '../../../media/codecs/audio-codec.js';
import {
  decodeBase64,
  applicationMessage,
  type JsonMessage,
  numberIn,
  objectIn,
  parseJsonMessage,
  textIn,
} from '../../../media/serializers/json-message.js';
import {
  framesAt,
  IGNORED,
  type InboundMedia,
  dtmfOf,
  malformed,
  type MediaCapabilities,
  type MediaSerializer,
  type OutputFormat,
} from '../../../media/serializers/media-serializer.js';

/** Message format of a JSON carrier. */
export interface JsonCarrierFormat {
  /** Codec of each direction: `in` from the carrier, `out` to it. */
  readonly codecs: { readonly in: AudioCodec; readonly out: AudioCodec };
  /** Field that identifies the stream in each message, such as `{ streamSid: 'MZ1' }`. @default none */
  readonly stream?: Readonly<Record<string, string>>;
  /** Media message, before and after its base64 payload. @default `media` with its `payload` */
  readonly media?: readonly [before: string, after: string];
  /** Samples per media message. @default 20 ms */
  readonly chunkSamples?: number;
}

/** Media capabilities that most carriers have. */
export const CARRIER_CAPABILITIES: MediaCapabilities = {
  marks: 'confirmed',
  remoteClear: true,
  dtmfIn: true,
  dtmfOut: false,
  messages: true,
  rtvi: false,
};

/** Base serializer for JSON carriers: audio in `media`, DTMF in `dtmf`, the end in `stop`. */
export class JsonCarrierSerializer implements MediaSerializer {
  readonly capabilities: MediaCapabilities = CARRIER_CAPABILITIES;
  readonly output: OutputFormat;
  /** Event that confirms a mark. */
  protected readonly markEvent: string = 'mark';
  /** Events of the carrier that are ignored. */
  protected readonly otherEvents: readonly string[] = ['connected'];
  private firstTimestampMs: number | undefined;

  readonly isBinary = false;
  private readonly codecs: JsonCarrierFormat['codecs'];
  protected readonly stream: Readonly<Record<string, string>>;
  private readonly beforePayload: Buffer;
  private readonly afterPayload: Buffer;

  constructor({ codecs, stream = {}, media, chunkSamples }: JsonCarrierFormat) {
    const frames = framesAt(codecs.out.sampleRateHz);
    this.output = chunkSamples === undefined ? frames : { ...frames, chunkSamples };
    this.codecs = codecs;
    this.stream = stream;
    const [before, after] = media ?? [
      JSON.stringify({ event: 'media', ...stream, media: { payload: '' } }).slice(0, -3),
      '"}}',
    ];
    this.beforePayload = Buffer.from(before);
    this.afterPayload = Buffer.from(after);
  }

  clear(): string {
    return JSON.stringify({ event: 'clear', ...this.stream });
  }

  mark(name: string): string {
    return JSON.stringify({ event: 'mark', ...this.stream, mark: { name } });
  }

  read(data: Buffer, isBinary: boolean): InboundMedia {
    if (isBinary) return malformed('a binary message where text is due');
    const message = parseJsonMessage(data);
    if (!message) return malformed('a message that is no JSON object');
    const event = message.event as string;
    if (event === 'media') return this.readMedia(objectIn(message, 'media'));
    if (event === 'dtmf') return dtmfOf(objectIn(message, 'dtmf').digit);
    if (event === this.markEvent) {
      const name = this.markName(message);
      return name === undefined ? malformed('a mark without its name') : { kind: 'mark', name };
    }
    if (event === 'stop') return { kind: 'stop' };
    // The handshake has consumed the first one.
    if (event === 'start') return malformed('a second start');
    return this.readOther(event, message);
  }

  /** Builds the message as bytes: a string would double the cost of sending. */
  audio(pcm: Int16Array): Buffer {
    const payload = this.codecs.out.encode(pcm).toString('base64');
    const { beforePayload, afterPayload } = this;
    const end = beforePayload.length + payload.length;
    const message = Buffer.allocUnsafe(end + afterPayload.length);
    message.set(beforePayload);
    message.write(payload, beforePayload.length, 'latin1');
    message.set(afterPayload, end);
    return message;
  }

  dtmf(_digits: string): string | undefined {
    return undefined;
  }

  message(message: unknown): string | undefined {
    return JSON.stringify(applicationMessage(message));
  }

  /** Reads events of this carrier only. */
  protected readOther(event: string, _message: JsonMessage): InboundMedia {
    return this.otherEvents.includes(event) ? IGNORED : malformed('an unknown event');
  }

  protected markName(message: JsonMessage): string | undefined {
    return textIn(objectIn(message, 'mark'), 'name');
  }

  /** Reads the caller's audio; the bot's own track is ignored, where both are streamed. */
  private readMedia(media: JsonMessage): InboundMedia {
    if (media.track === 'outbound' || media.track === 'outbound_track') return IGNORED;
    const { payload } = media;
    if (typeof payload !== 'string') return malformed('a media without its payload');
    const bytes = decodeBase64(payload);
    if (!bytes) return malformed('a payload that is not whole base64');
    return bytes.length === 0 ? IGNORED : this.decode(bytes, media);
  }

  /** Decodes the audio of a media message. */
  protected decode(bytes: Buffer, media: JsonMessage): InboundMedia {
    const codec = this.codecs.in;
    const pcm = codec.decode(bytes);
    if (!pcm) return malformed('a payload that ends within a sample');
    const timestampMs = this.sinceFirst(numberIn(media, 'timestamp'));
    return { kind: 'audio', pcm, sampleRateHz: codec.sampleRateHz, channels: 1, timestampMs };
  }

  /** Normalises timestamps: some carriers count from the start of the stream, some send the time of day. */
  private sinceFirst(timestampMs: number): number | undefined {
    if (!Number.isFinite(timestampMs)) return undefined;
    return timestampMs - (this.firstTimestampMs ??= timestampMs);
  }
}
