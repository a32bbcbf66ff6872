import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { parseJson } from '../../limits/json-limits.js';
import { bytesFromPcm } from '../pcm.js';
import {
  framesAt,
  IGNORED,
  type InboundMedia,
  malformed,
  type MediaCapabilities,
  type MediaSerializer,
  noMessage,
  type OutputFormat,
  pcmAudio,
} from './media-serializer.js';

/** The variants of `Frame`, and the numbers of their fields. */
const FRAME = { text: 1, audio: 2, transcription: 3, message: 4, interruption: 5 } as const;
const TEXT = { text: 3 } as const;
const AUDIO = { audio: 3, sampleRate: 4, numChannels: 5 } as const;
const TRANSCRIPTION = { text: 3, userId: 4, timestamp: 5 } as const;
const MESSAGE = { data: 1 } as const;
/** Most fields of a message at each level. Those of Pipecat have up to seven; in a megabyte there is room for 500,000. */
const MAX_FIELDS = 100;
const TOO_MANY_FIELDS = new RangeError(`a message of more than ${MAX_FIELDS} fields`);

/** Pipecat's protobuf `Frame` (frames.proto), which plain WebSocket clients speak. */
export class ProtobufSerializer implements MediaSerializer {
  readonly capabilities: MediaCapabilities = {
    marks: 'estimated',
    remoteClear: true,
    dtmfIn: true,
    dtmfOut: false,
    messages: true,
  };
  readonly output: OutputFormat;
  readonly isBinary = true;
  readonly mark = noMessage;
  readonly dtmf = noMessage;

  /** A frame of silence, as long as the last that was written, and where its samples are. */
  private empty: { readonly length: number; readonly message: Buffer; readonly at: number };
  /** Length of what comes behind the samples, in bytes. */
  private readonly tail: number;

  /** @param sampleRateHz of what goes out; published clients play 24,000 whatever a frame says */
  constructor(sampleRateHz = 24_000) {
    const shortest = audioFrame(new Uint8Array(0), sampleRateHz);
    // Two tags and two lengths, of a byte each.
    this.tail = shortest.length - 4;
    this.empty = { length: 0, message: shortest, at: 4 };
    this.output = framesAt(sampleRateHz);
  }

  read(data: Buffer, isBinary: boolean): InboundMedia {
    if (!isBinary) return malformed('a text message where binary is due');
    try {
      return readFrame(data);
    } catch (thrown) {
      return malformed(
        thrown === TOO_MANY_FIELDS
          ? TOO_MANY_FIELDS.message
          : 'a message that is no protobuf frame',
      );
    }
  }

  /** Writes samples into a frame. The bytes around them are the same for all chunks of one length, and written once. */
  audio(pcm: Int16Array): Buffer {
    const bytes = bytesFromPcm(pcm);
    if (this.empty.length !== bytes.length) {
      const message = audioFrame(new Uint8Array(bytes.length), this.output.sampleRateHz);
      this.empty = { length: bytes.length, message, at: message.length - bytes.length - this.tail };
    }
    const message = Buffer.from(this.empty.message);
    message.set(bytes, this.empty.at);
    return message;
  }

  clear(): Buffer {
    return frame(FRAME.interruption, () => undefined);
  }

  message(message: unknown): Buffer {
    return frame(FRAME.message, (writer) =>
      writer.tag(MESSAGE.data, WireType.LengthDelimited).string(JSON.stringify(message)),
    );
  }
}

const audioFrame = (bytes: Uint8Array, sampleRateHz: number): Buffer =>
  frame(FRAME.audio, (writer) =>
    writer
      .tag(AUDIO.audio, WireType.LengthDelimited)
      .bytes(bytes)
      .tag(AUDIO.sampleRate, WireType.Varint)
      .uint32(sampleRateHz)
      .tag(AUDIO.numChannels, WireType.Varint)
      .uint32(1),
  );

function frame(variant: number, write: (writer: BinaryWriter) => unknown): Buffer {
  const writer = new BinaryWriter();
  writer.tag(variant, WireType.LengthDelimited).fork();
  write(writer);
  const bytes = writer.join().finish();
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

const VARIANTS: ReadonlySet<number> = new Set(Object.values(FRAME));

/** @throws whatever the reader does for bytes that are no protobuf, and {@link TOO_MANY_FIELDS} */
function readFrame(data: Buffer): InboundMedia {
  let last: { readonly variant: number; readonly content: Uint8Array } | undefined;
  // In a oneof the last one counts; reading the others would be a stranger's to ask for.
  eachField(data, (variant, reader, type) => {
    if (type !== WireType.LengthDelimited || !VARIANTS.has(variant)) reader.skip(type);
    else last = { variant, content: reader.bytes() };
  });
  return last ? readVariant(last.variant, last.content) : malformed('a frame of no known kind');
}

function readVariant(variant: number, content: Uint8Array): InboundMedia {
  switch (variant) {
    case FRAME.audio:
      return readAudio(content);
    case FRAME.message:
      return readMessage(content);
    case FRAME.text:
      return { kind: 'text', text: readTexts(content, TEXT).text };
    case FRAME.transcription: {
      const { text, userId, timestamp } = readTexts(content, TRANSCRIPTION);
      return { kind: 'transcription', text, user_id: userId, timestamp };
    }
    default:
      return { kind: 'interruption' };
  }
}

function readAudio(content: Uint8Array): InboundMedia {
  let bytes: Uint8Array | undefined;
  let sampleRateHz = 0;
  let channels = 0;
  eachField(content, (field, reader, type) => {
    if (field === AUDIO.audio) bytes = reader.bytes();
    else if (field === AUDIO.sampleRate) sampleRateHz = reader.uint32();
    else if (field === AUDIO.numChannels) channels = reader.uint32();
    else reader.skip(type);
  });
  return bytes ? pcmAudio(bytes, sampleRateHz, channels) : IGNORED;
}

function readMessage(content: Uint8Array): InboundMedia {
  const { data } = readTexts(content, MESSAGE);
  try {
    return { kind: 'message', message: parseJson(data) };
  } catch {
    return malformed('a message whose data is not JSON, or too deep');
  }
}

/** The text fields of a message; those that are missing are empty, as protobuf has it. */
function readTexts<T extends Record<string, number>>(
  content: Uint8Array,
  numbers: T,
): Record<keyof T, string> {
  const texts = Object.fromEntries(Object.keys(numbers).map((name) => [name, '']));
  eachField(content, (field, reader, type) => {
    const name = Object.keys(numbers).find((key) => numbers[key] === field);
    if (name === undefined) reader.skip(type);
    else texts[name] = reader.string();
  });
  return texts as Record<keyof T, string>;
}

function eachField(
  bytes: Uint8Array,
  read: (field: number, reader: BinaryReader, type: WireType) => void,
): void {
  const reader = new BinaryReader(bytes);
  for (let fields = 1; reader.pos < reader.len; fields++) {
    if (fields > MAX_FIELDS) throw TOO_MANY_FIELDS;
    const [field, type] = reader.tag();
    // To skip a group is to read all that it holds; proto3 has none.
    if (type === WireType.StartGroup) throw new TypeError('a group');
    read(field, reader, type);
  }
}
