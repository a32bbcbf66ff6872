import type { CaptureOptions } from './worklet-messages.js';

/** Takes sound out of an audio context as 16-bit PCM. */
export class Capture {
  private readonly node: AudioWorkletNode;
  private readonly ended: Promise<void>;
  private readonly sources: (AudioNode | undefined)[] = [];

  constructor(
    private readonly context: AudioContext,
    options: CaptureOptions,
    onChunk: (pcm: ArrayBuffer) => void,
  ) {
    this.node = new AudioWorkletNode(context, 'capture', {
      numberOfInputs: options.inputs,
      channelCount: 1,
      channelCountMode: 'explicit',
      processorOptions: options,
    });
    this.ended = new Promise((resolve) => {
      this.node.port.onmessage = ({ data }: MessageEvent<ArrayBuffer>) => {
        if (data.byteLength > 0) onChunk(data);
        else resolve();
      };
    });
    // It is silent, but only what leads to the speakers is run.
    this.node.connect(context.destination);
  }

  /** Sound of an input, from now on. */
  setTrack(input: number, track: MediaStreamTrack | null): void {
    this.sources[input]?.disconnect();
    this.sources[input] = track
      ? this.context.createMediaStreamSource(new MediaStream([track]))
      : undefined;
    this.sources[input]?.connect(this.node, 0, input);
  }

  /** Resolves when the last chunk was given out. */
  async stop(): Promise<void> {
    this.node.port.postMessage('stop');
    if (this.context.state === 'running') await this.ended;
    this.sources.forEach((source) => source?.disconnect());
    this.node.disconnect();
  }
}
