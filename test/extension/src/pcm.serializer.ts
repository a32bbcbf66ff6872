import {
  bytesFromPcm,
  type InboundMedia,
  type MediaCapabilities,
  type MediaSerializer,
  type OutputFormat,
  pcmFromBytes,
} from 'nestjs-pipecat-runner/bot';

/** The rate of the audio in both directions, in Hz. */
export const PCM_HZ = 16_000;

/** The wire format: each binary message is 16-bit little-endian PCM, mono, and there are no others. */
export class PcmSerializer implements MediaSerializer {
  readonly isBinary = true;
  /** 20 ms a message. */
  readonly output: OutputFormat = { sampleRateHz: PCM_HZ, chunkSamples: PCM_HZ / 50 };
  readonly capabilities: MediaCapabilities = {
    marks: 'estimated',
    remoteClear: false,
    dtmfIn: false,
    dtmfOut: false,
    messages: false,
  };

  read(data: Buffer, isBinary: boolean): InboundMedia {
    if (!isBinary) return { kind: 'malformed', what: 'a text message' };
    if (data.length % 2 !== 0) return { kind: 'malformed', what: 'half a sample' };
    const pcm = pcmFromBytes(data);
    return { kind: 'audio', pcm, sampleRateHz: PCM_HZ, channels: 1, timestampMs: undefined };
  }

  audio(pcm: Int16Array): Buffer {
    return bytesFromPcm(pcm);
  }

  // The format has no such messages.
  clear(): undefined {}
  mark(): undefined {}
  dtmf(): undefined {}
  message(): undefined {}
}
