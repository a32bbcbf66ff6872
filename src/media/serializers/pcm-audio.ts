import { readPcm } from '../pcm.js';
import { IGNORED, type InboundMedia, malformed } from './media-serializer.js';

/** What the other side may claim of its audio. */
const MAX_SAMPLE_RATE_HZ = 192_000;
const MAX_CHANNELS = 8;

/** Samples of the other side, 16-bit little-endian, if they are what it says. */
export function pcmAudio(bytes: Uint8Array, sampleRateHz: number, channels: number): InboundMedia {
  if (bytes.length === 0) return IGNORED;
  if (!isWithin(sampleRateHz, MAX_SAMPLE_RATE_HZ)) {
    return malformed('audio without a usable sample rate');
  }
  if (!isWithin(channels, MAX_CHANNELS)) {
    return malformed('audio without a usable number of channels');
  }
  if (bytes.length % (2 * channels) !== 0) return malformed('audio that ends within a sample');
  return { kind: 'audio', pcm: readPcm(bytes), sampleRateHz, channels, timestampMs: undefined };
}

const isWithin = (value: number, max: number): boolean =>
  Number.isInteger(value) && value >= 1 && value <= max;
