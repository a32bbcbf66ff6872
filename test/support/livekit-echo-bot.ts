import {
  type AudioFrame,
  AudioSource,
  AudioStream,
  dispose,
  LocalAudioTrack,
  type RemoteTrack,
  Room,
  RoomEvent,
  TrackKind,
  TrackPublishOptions,
  TrackSource,
} from '@livekit/rtc-node';
import {
  BotLauncher,
  type BotSession,
  LiveKitRunnerArguments,
  type RunnerArguments,
} from '../../src/index.js';

const RATE_HZ = 48_000;

/** A bot that joins its LiveKit room and says back what it hears, until it is told to stop or loses the room. */
export class LiveKitEchoBot extends BotLauncher {
  /** What the bots have to say: `joined`, `heard`, `disconnected`. */
  readonly events: string[] = [];

  async launch(args: RunnerArguments, session: BotSession): Promise<void> {
    if (!(args instanceof LiveKitRunnerArguments)) throw new Error('not a LiveKit room');
    const room = new Room();
    const source = new AudioSource(RATE_HZ, 1);
    try {
      const over = new Promise<void>((resolve) => {
        room.on(RoomEvent.Disconnected, () => {
          this.events.push('disconnected');
          resolve();
        });
        session.signal.addEventListener('abort', () => resolve());
      });
      room.on(RoomEvent.TrackSubscribed, (track) => void this.echo(track, source));
      await room.connect(args.url, args.token, { autoSubscribe: true, dynacast: false });
      const track = LocalAudioTrack.createAudioTrack('echo', source);
      const options = new TrackPublishOptions();
      options.source = TrackSource.SOURCE_MICROPHONE;
      await room.localParticipant!.publishTrack(track, options);
      this.events.push('joined');
      session.ready();
      await over;
    } finally {
      await room.disconnect();
      await source.close();
    }
  }

  private async echo(track: RemoteTrack, source: AudioSource): Promise<void> {
    if (track.kind !== TrackKind.KIND_AUDIO) return;
    const stream = new AudioStream(track, { sampleRate: RATE_HZ, numChannels: 1 });
    try {
      for await (const frame of stream as unknown as AsyncIterable<AudioFrame>) {
        if (!this.events.includes('heard')) this.events.push('heard');
        await source.captureFrame(frame);
      }
    } catch {
      // The source is closed once the bot leaves.
    }
  }
}

export { dispose };
