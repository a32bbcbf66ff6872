import { audioContext } from './audio-context.js';
import { Capture } from './capture.js';
import { wavHeader } from './wav.js';

/** Enough for what bots say, and half the size of a microphone's rate. */
const SAMPLE_RATE_HZ = 24_000;
const CHANNELS = 2;

/** Records both sides of a conversation: the user on the left, the bot on the right. */
export class Recorder {
  private readonly chunks: ArrayBuffer[] = [];
  private readonly capture: Capture;

  static async start(): Promise<Recorder> {
    return new Recorder(await audioContext());
  }

  private constructor(context: AudioContext) {
    this.capture = new Capture(
      context,
      { inputs: CHANNELS, sampleRateHz: SAMPLE_RATE_HZ, chunkFrames: SAMPLE_RATE_HZ },
      (pcm) => this.chunks.push(pcm),
    );
  }

  setTracks(user: MediaStreamTrack | null, bot: MediaStreamTrack | null): void {
    this.capture.setTrack(0, user);
    this.capture.setTrack(1, bot);
  }

  /** @returns a WAV file */
  async stop(): Promise<Blob> {
    await this.capture.stop();
    const size = this.chunks.reduce((sum, { byteLength }) => sum + byteLength, 0);
    const header = wavHeader({ sampleRateHz: SAMPLE_RATE_HZ, channels: CHANNELS, sizeBytes: size });
    return new Blob([header, ...this.chunks], { type: 'audio/wav' });
  }
}
