/** How much is allocated at once, in samples. Small typed arrays of their own cost more than what is done with them. */
const SLAB_SAMPLES = 16_384;

let slab = new Int16Array(SLAB_SAMPLES);
let used = 0;

/**
 * Room for samples on their way from one step to the next: a part of a larger buffer, as Node's own small Buffers are. What it holds
 * at first is undefined. What a bot gets, which may do with it what it likes, must be {@link ownPcm}.
 */
export function allocatePcm(samples: number): Int16Array {
  if (samples > SLAB_SAMPLES >> 2) return new Int16Array(samples);
  if (used + samples > SLAB_SAMPLES) {
    slab = new Int16Array(SLAB_SAMPLES);
    used = 0;
  }
  const pcm = slab.subarray(used, used + samples);
  used += samples;
  return pcm;
}

/** Samples whose memory holds nothing else: the same where that is so, otherwise a copy. */
export const ownPcm = (pcm: Int16Array): Int16Array =>
  pcm.byteLength === pcm.buffer.byteLength ? pcm : pcm.slice();

/** 16-bit little-endian bytes as samples, in memory of their own. @param bytes an even number of them */
export const pcmFromBytes = (bytes: Uint8Array): Int16Array =>
  readPcm(bytes, new Int16Array(bytes.length >> 1));

/** The same into memory that is there. */
export function readPcm(
  bytes: Uint8Array,
  // The type is written out, or TypeScript before 5.7 could not read its declaration.
  pcm: Int16Array = allocatePcm(bytes.length >> 1),
): Int16Array {
  if (LITTLE_ENDIAN) bytesOf(pcm).set(bytes);
  else for (let i = 0; i < pcm.length; i++) pcm[i] = bytes[2 * i]! | (bytes[2 * i + 1]! << 8);
  return pcm;
}

/** Samples as 16-bit little-endian bytes: the same memory where the machine stores them so. */
export function bytesFromPcm(pcm: Int16Array): Buffer {
  const bytes = bytesOf(pcm);
  return LITTLE_ENDIAN ? bytes : Buffer.from(bytes).swap16();
}

/** Several channels as one: their mean. */
export function toMono(pcm: Int16Array, channels: number): Int16Array {
  if (channels === 1) return pcm;
  const mono = allocatePcm(Math.floor(pcm.length / channels));
  for (let i = 0; i < mono.length; i++) {
    let sum = 0;
    for (let c = 0; c < channels; c++) sum += pcm[i * channels + c]!;
    mono[i] = Math.round(sum / channels);
  }
  return mono;
}

const bytesOf = (pcm: Int16Array): Buffer =>
  Buffer.from(pcm.buffer, pcm.byteOffset, pcm.byteLength);

const LITTLE_ENDIAN = bytesOf(Int16Array.of(1))[0] === 1;
