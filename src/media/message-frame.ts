/**
 * The message variant of Pipecat's protobuf `Frame` (frames.proto): `Frame { oneof { … MessageFrame message = 4; } }`
 * with `MessageFrame { string data = 1; }`, whose `data` is a JSON string.
 */
const MESSAGE_FIELD = (4 << 3) | 2;
const DATA_FIELD = (1 << 3) | 2;

/** The text of a message frame; `undefined` when the bytes are another kind of frame, or no frame at all. */
export function readMessageFrame(bytes: Uint8Array): string | undefined {
  const message = readField(bytes, MESSAGE_FIELD);
  const data = message && readField(message, DATA_FIELD);
  return data && Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('utf8');
}

/** A message frame that carries the text. */
export function writeMessageFrame(text: string): Buffer {
  return writeField(MESSAGE_FIELD, writeField(DATA_FIELD, Buffer.from(text)));
}

/** The content of a length-delimited field that stands first and alone. */
function readField(bytes: Uint8Array, tag: number): Uint8Array | undefined {
  if (bytes[0] !== tag) return undefined;
  let length = 0;
  let shift = 0;
  for (let i = 1; i < bytes.length && shift < 32; i++, shift += 7) {
    const byte = bytes[i]!;
    length += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) return bytes.length === i + 1 + length ? bytes.subarray(i + 1) : undefined;
  }
  return undefined;
}

function writeField(tag: number, content: Buffer): Buffer {
  const header = [tag];
  let length = content.length;
  for (; length > 0x7f; length = Math.floor(length / 128)) header.push((length & 0x7f) | 0x80);
  header.push(length);
  return Buffer.concat([Buffer.from(header), content]);
}
