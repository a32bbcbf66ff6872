/** A frame of PCM audio. */
export interface AudioFrame {
  /** 16-bit samples, interleaved when there are several channels. */
  readonly pcm: Int16Array;
  readonly sampleRateHz: number;
  readonly channels: number;
  /** Capture time, in milliseconds since the stream began. */
  readonly timestampMs: number;
}

/** Slab size, in samples. Allocating each small typed array on its own costs more than processing it. */
const SLAB_SAMPLES = 16_384;

let slab = new Int16Array(SLAB_SAMPLES);
let used = 0;

/**
 * Allocates uninitialized samples from a shared slab (slab allocation, as in `Buffer.allocUnsafe`). Samples that are handed to a bot
 * must go through {@link ownPcm}.
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

/** Returns samples with an `ArrayBuffer` of their own: the argument if it has one, otherwise a copy. */
export const ownPcm = (pcm: Int16Array): Int16Array =>
  pcm.byteLength === pcm.buffer.byteLength ? pcm : pcm.slice();

/** Decodes 16-bit little-endian bytes to samples in memory of their own. @param bytes an even number of bytes */
export const pcmFromBytes = (bytes: Uint8Array): Int16Array =>
  readPcm(bytes, new Int16Array(bytes.length >> 1));

/** Decodes 16-bit little-endian bytes into existing samples. */
export function readPcm(
  bytes: Uint8Array,
  // The explicit type keeps the declaration readable for TypeScript before 5.7.
  pcm: Int16Array = allocatePcm(bytes.length >> 1),
): Int16Array {
  if (LITTLE_ENDIAN) bytesOf(pcm).set(bytes);
  else for (let i = 0; i < pcm.length; i++) pcm[i] = bytes[2 * i]! | (bytes[2 * i + 1]! << 8);
  return pcm;
}

/** Encodes samples as 16-bit little-endian bytes, without a copy on little-endian machines. */
export function bytesFromPcm(pcm: Int16Array): Buffer {
  const bytes = bytesOf(pcm);
  return LITTLE_ENDIAN ? bytes : Buffer.from(bytes).swap16();
}

/** Downmixes interleaved channels to mono by their mean. */
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

/** Supported sample rates, in Hz. The list is closed because each pair of rates costs a resampling filter. */
export const AUDIO_RATES_HZ: readonly number[] = [
  8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000,
];

export const isAudioRate = (rateHz: unknown): boolean => AUDIO_RATES_HZ.includes(rateHz as number);

/** @throws {RangeError} for an unsupported rate @param name the name of the field in the message */
export function checkAudioRate(rateHz: number, name = 'sampleRateHz'): void {
  if (!isAudioRate(rateHz)) {
    throw new RangeError(`${name} must be one of ${AUDIO_RATES_HZ.join(', ')}`);
  }
}

export const isChannels = (channels: unknown): boolean =>
  Number.isInteger(channels) && (channels as number) >= 1;

/** @throws {RangeError} for anything but a whole number of at least 1 */
export function checkChannels(channels: number): void {
  if (!isChannels(channels)) throw new RangeError('channels must be a whole number, at least 1');
}
