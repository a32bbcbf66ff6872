import type * as opus from 'libopus-wasm';

/** The Opus codec as WebAssembly, an optional peer dependency. */
export type Opus = Pick<typeof opus, 'createDecoder' | 'createEncoder' | 'Application'>;

/** RTP clock rate of Opus, in Hz, whatever the sample rate (RFC 7587). */
export const OPUS_CLOCK_HZ = 48_000;

/** Output sample rates of an Opus decoder, in Hz. */
const DECODER_RATES_HZ = [8_000, 12_000, 16_000, 24_000, 48_000] as const;

/** Sample rate of the bot's audio, in Hz: enough for speech, at half the CPU time of 48,000. */
export const OPUS_OUTPUT_HZ = 24_000;

/** Stateful Opus decoder of one stream. */
export interface OpusDecoder {
  readonly sampleRate: number;
  /**
   * @param packet `null` for packet loss concealment (PLC) of a lost packet
   * @param options `decodeFec`: decodes the forward error correction (FEC) data of the lost packet before this one; `frameSize`: the
   * number of missing samples
   * @throws for a malformed packet
   */
  decode(
    packet: Uint8Array | null,
    options?: { decodeFec?: boolean; frameSize?: number },
  ): Int16Array;
  free(): void;
}

/** Stateful Opus encoder of one stream: mono, {@link OPUS_OUTPUT_HZ}, frames of 20 ms. */
export interface OpusEncoder {
  encode(pcm: Int16Array): Uint8Array;
  free(): void;
}

/** @param rateHz the preferred rate; the decoder uses 48,000 when Opus does not support it */
export function createOpusDecoder(
  { createDecoder }: Opus,
  rateHz: number | 'native' | undefined,
): Promise<OpusDecoder> {
  const sampleRate = DECODER_RATES_HZ.find((rate) => rate === rateHz) ?? 48_000;
  // Stereo is downmixed to one channel.
  return createDecoder({ sampleRate, channels: 1 });
}

export function createOpusEncoder({ createEncoder, Application }: Opus): Promise<OpusEncoder> {
  return createEncoder({
    sampleRate: OPUS_OUTPUT_HZ,
    channels: 1,
    frameSize: OPUS_OUTPUT_HZ / 50,
    application: Application.Voip,
    bitrate: 32_000,
    // Half the CPU time of 10, with no audible difference for speech at this rate.
    complexity: 5,
    // Forward error correction: each packet carries a low-bitrate copy of the one before.
    fec: true,
    packetLossPercent: 10,
  });
}

/** Returns the duration of a packet, in ticks of 1/48,000 s (RFC 6716, 3.1 and 3.2). @returns 0 for a malformed packet */
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

/** Frame duration by TOC configuration: 10 to 60 ms for SILK, 10 or 20 for hybrid, 2.5 to 20 for CELT. */
function frameDuration(config: number): number {
  if (config < 12) return [480, 960, 1_920, 2_880][config & 3]!;
  if (config < 16) return [480, 960][config & 1]!;
  return [120, 240, 480, 960][config & 3]!;
}
