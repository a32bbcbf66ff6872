import type * as opus from 'libopus-wasm';

/** The Opus codec as WebAssembly, an optional peer dependency. */
export type Opus = Pick<typeof opus, 'createDecoder' | 'createEncoder' | 'Application'>;

/** RTP counts Opus in 48,000ths of a second, whatever the sound's rate (RFC 7587). */
export const OPUS_CLOCK_HZ = 48_000;

/** The rates at which an Opus decoder can give its sound, in Hz. */
const DECODER_RATES_HZ = [8_000, 12_000, 16_000, 24_000, 48_000] as const;

/** What a bot's voice goes out at, in Hz: all that speech has, at half the work of 48,000. */
export const OPUS_OUTPUT_HZ = 24_000;

/** One direction of a conversation, to sound. */
export interface OpusDecoder {
  readonly sampleRate: number;
  /**
   * @param packet `null`: one that was lost, and is made up from what came before
   * @param options `decodeFec`: not the packet itself, but what it tells of the one before; `frameSize`: how many samples are missing
   * @throws when the packet is no Opus
   */
  decode(
    packet: Uint8Array | null,
    options?: { decodeFec?: boolean; frameSize?: number },
  ): Int16Array;
  free(): void;
}

/** One direction of a conversation, from sound: mono, {@link OPUS_OUTPUT_HZ}, 20 ms at a time. */
export interface OpusEncoder {
  encode(pcm: Int16Array): Uint8Array;
  free(): void;
}

/** @param rateHz what is wanted; where Opus cannot, the result's rate is 48,000 */
export function createOpusDecoder(
  { createDecoder }: Opus,
  rateHz: number | 'native' | undefined,
): Promise<OpusDecoder> {
  const sampleRate = DECODER_RATES_HZ.find((rate) => rate === rateHz) ?? 48_000;
  // One channel: what is stereo is folded.
  return createDecoder({ sampleRate, channels: 1 });
}

export function createOpusEncoder({ createEncoder, Application }: Opus): Promise<OpusEncoder> {
  return createEncoder({
    sampleRate: OPUS_OUTPUT_HZ,
    channels: 1,
    frameSize: OPUS_OUTPUT_HZ / 50,
    application: Application.Voip,
    bitrate: 32_000,
    // Half the work of 10, and no difference to the ear for speech at this rate.
    complexity: 5,
    // Each packet tells a little of the one before, for when that is lost.
    fec: true,
    packetLossPercent: 10,
  });
}

/**
 * How long the sound in a packet lasts, in 48,000ths of a second (RFC 6716, 3.1 and 3.2).
 * @returns 0 for what is no packet
 */
export function opusDuration(packet: Uint8Array): number {
  const toc = packet[0];
  if (toc === undefined) return 0;
  const frames = frameCount(toc & 3, packet[1]);
  const duration = frames * frameDuration(toc >> 3);
  return duration <= MAX_PACKET ? duration : 0;
}

/** 120 ms. */
const MAX_PACKET = 5_760;

function frameCount(code: number, second: number | undefined): number {
  if (code === 0) return 1;
  if (code < 3) return 2;
  return second === undefined ? 0 : second & 63;
}

/** By the packet's configuration: 10 to 60 ms of SILK, 10 or 20 of both, 2.5 to 20 of CELT. */
function frameDuration(config: number): number {
  if (config < 12) return [480, 960, 1_920, 2_880][config & 3]!;
  if (config < 16) return [480, 960][config & 1]!;
  return [120, 240, 480, 960][config & 3]!;
}
