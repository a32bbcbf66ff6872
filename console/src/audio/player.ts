import type { PlayerMessage } from './worklet-messages.js';

/** Turns 16-bit PCM that arrives piece by piece into a track. */
export class Player {
  private readonly node: AudioWorkletNode;
  readonly track: MediaStreamTrack;

  constructor(context: AudioContext, sampleRateHz: number) {
    this.node = new AudioWorkletNode(context, 'player', {
      numberOfInputs: 0,
      outputChannelCount: [1],
      processorOptions: { sampleRateHz },
    });
    const destination = new MediaStreamAudioDestinationNode(context, { channelCount: 1 });
    this.node.connect(destination);
    this.track = destination.stream.getAudioTracks()[0]!;
  }

  play(pcm: Int16Array): void {
    this.send(pcm);
  }

  /** Drops what was not played yet. */
  clear(): void {
    this.send('clear');
  }

  stop(): void {
    this.send('stop');
    this.node.disconnect();
    this.track.stop();
  }

  private send(message: PlayerMessage): void {
    this.node.port.postMessage(message);
  }
}
