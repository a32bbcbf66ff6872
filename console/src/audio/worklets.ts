// Runs in the audio thread: bundled apart from the page, and loaded by audio-context.ts.
import { Resampler } from './resampler.js';
import type { CaptureOptions, PlayerMessage } from './worklet-messages.js';

const FULL_SCALE = 32_767;

const pcmOf = (sample: number): number =>
  Math.round(Math.max(-1, Math.min(1, sample)) * FULL_SCALE);

/** Posts what comes in as 16-bit PCM, one channel for each input, in chunks of one size; the last may be shorter. */
class CaptureProcessor extends AudioWorkletProcessor {
  private readonly resamplers: Resampler[];
  private chunk: Int16Array<ArrayBuffer>;
  private filled = 0;
  private stopped = false;

  constructor({ processorOptions }: { processorOptions: CaptureOptions }) {
    super();
    const { inputs, sampleRateHz, chunkFrames } = processorOptions;
    this.resamplers = Array.from({ length: inputs }, () => new Resampler(sampleRate, sampleRateHz));
    this.chunk = new Int16Array(chunkFrames * inputs);
    this.port.onmessage = () => {
      this.stopped = true;
      this.post(this.chunk.slice(0, this.filled));
      // An empty chunk is the end.
      this.post(new Int16Array(0));
    };
  }

  override process(inputs: Float32Array[][], outputs: Float32Array[][]): boolean {
    if (this.stopped) return false;
    // Where nothing is connected there is no channel.
    const quantum = outputs[0]![0]!.length;
    const channels = this.resamplers.map((resampler, i) =>
      resampler.process(inputs[i]?.[0] ?? new Float32Array(quantum)),
    );
    for (let frame = 0; frame < channels[0]!.length; frame++) {
      for (const channel of channels) this.chunk[this.filled++] = pcmOf(channel[frame]!);
      if (this.filled === this.chunk.length) {
        this.post(this.chunk.slice());
        this.filled = 0;
      }
    }
    return true;
  }

  private post({ buffer }: Int16Array<ArrayBuffer>): void {
    this.port.postMessage(buffer, [buffer]);
  }
}

/** Plays 16-bit PCM one piece after another; silence where there is none. */
class PlayerProcessor extends AudioWorkletProcessor {
  private readonly sampleRateHz: number;
  private resampler: Resampler;
  private waiting: Float32Array[] = [];
  private played = 0;
  private stopped = false;

  constructor({ processorOptions }: { processorOptions: { sampleRateHz: number } }) {
    super();
    this.sampleRateHz = processorOptions.sampleRateHz;
    this.resampler = this.fresh();
    this.port.onmessage = ({ data }: MessageEvent<PlayerMessage>) => {
      if (data === 'stop') {
        this.stopped = true;
      } else if (data === 'clear') {
        this.waiting = [];
        this.played = 0;
        this.resampler = this.fresh();
      } else {
        this.waiting.push(
          this.resampler.process(Float32Array.from(data, (x) => x / (FULL_SCALE + 1))),
        );
      }
    };
  }

  private fresh(): Resampler {
    return new Resampler(this.sampleRateHz, sampleRate);
  }

  override process(_inputs: Float32Array[][], outputs: Float32Array[][]): boolean {
    const output = outputs[0]![0]!;
    for (let filled = 0; filled < output.length && this.waiting.length > 0;) {
      const piece = this.waiting[0]!.subarray(this.played);
      const part = piece.subarray(0, output.length - filled);
      output.set(part, filled);
      filled += part.length;
      this.played += part.length;
      if (part.length === piece.length) {
        this.waiting.shift();
        this.played = 0;
      }
    }
    return !this.stopped;
  }
}

registerProcessor('capture', CaptureProcessor);
registerProcessor('player', PlayerProcessor);
