import { attempt, guardEmitter } from '../../errors/attempt.js';
import type { MediaTransport } from '../../media/media-transport.js';
import { HeardText } from '../heard-text.js';
import { nextPosition, type PlacedAudio, playedOf } from '../placed-audio.js';
import type {
  EngineAudioInput,
  EngineAudioOutput,
  EngineFrame,
  Engines,
  EngineText,
} from './engine.js';

/** Audio of the agent that waits for its playback; beyond it the agent is held up. In milliseconds, less than the transport's `maxQueueMs`. */
const MAX_AHEAD_MS = 10_000;

/** A piece of speech, between two calls of `flush()`. */
interface Segment extends PlacedAudio {
  audioMs: number;
  isWhole: boolean;
}

/** Events of an agent's speech. */
export interface SpeechEvents {
  /** A part of the answer's text, as the language model produces it. */
  text(part: string): void;
  /** Speech has ended. @param heard its text that was heard, where it was interrupted */
  finished(heard: string | undefined): void;
}

/** The ends of the engine's audio and text. */
export interface AgentMedia {
  readonly audioInput: EngineAudioInput;
  readonly audioOutput: EngineAudioOutput;
  readonly textOutput: object;
}

/** Connects the engine's audio and text with a transport. @param signal ends the user's audio */
export function agentMedia(
  { agents: { voice }, rtc }: Engines,
  transport: MediaTransport,
  events: SpeechEvents,
  signal: AbortSignal,
): AgentMedia {
  const text = new HeardText();
  const fail = (thrown: unknown): void => transport.fail(thrown);

  class TransportAudioInput extends voice.AudioInput {
    constructor() {
      super();
      const frames = transport.audioIn(signal);
      this.multiStream.addInputStream(
        new ReadableStream<EngineFrame>({
          async pull(controller) {
            const next = await frames.next();
            if (next.done) return controller.close();
            const { pcm, sampleRateHz } = next.value;
            controller.enqueue(new rtc.AudioFrame(pcm, sampleRateHz, 1, pcm.length));
          },
          async cancel() {
            await frames.return?.(undefined);
          },
        }),
      );
    }
  }

  class TransportAudioOutput extends voice.AudioOutput {
    private segment: Segment | undefined;

    constructor() {
      super(undefined, undefined, { pause: true });
      guardEmitter(this, fail);
    }

    override async captureFrame(frame: EngineFrame): Promise<void> {
      // Counts segments, which the engine waits for.
      const counted = super.captureFrame(frame);
      const isFirst = this.segment === undefined;
      const segment = (this.segment ??= this.begin());
      segment.audioMs += (frame.samplesPerChannel * 1_000) / frame.sampleRate;
      text.addAudio(frame.data, frame.sampleRate, frame.channels);
      const sent = transport.sendAudio({
        // The engine may use the memory again.
        pcm: frame.data.slice(),
        sampleRateHz: frame.sampleRate,
        channels: frame.channels,
      });
      if (isFirst) {
        attempt(async () => {
          if ((await sent) === 'sent') this.onPlaybackStarted(Date.now());
        }, fail);
      }
      await counted;
      if (transport.playback.queuedMs > MAX_AHEAD_MS) await sent;
    }

    private begin(): Segment {
      return { startsAtMs: nextPosition(transport.playback), audioMs: 0, isWhole: false };
    }

    override flush(): void {
      super.flush();
      const { segment } = this;
      if (!segment || segment.isWhole) return;
      segment.isWhole = true;
      attempt(async () => {
        const { outcome, totalPlayedMs } = await transport.mark('agent');
        if (this.segment === segment) this.finish(segment, totalPlayedMs, outcome !== 'played');
      }, fail);
    }

    clearBuffer(): void {
      super.flush();
      const { segment } = this;
      if (!segment) return;
      // The mark above must not settle it.
      this.segment = undefined;
      const { totalPlayedMs } = transport.clear();
      this.finish(segment, totalPlayedMs, true);
    }

    private finish(segment: Segment, positionMs: number, interrupted: boolean): void {
      this.segment = undefined;
      const { audioMs, isWhole } = segment;
      const playedMs = interrupted ? playedOf(segment, positionMs) : audioMs;
      let heard: string | undefined;
      if (interrupted) heard = text.takeHeard(playedMs, isWhole);
      else text.takeAll();
      this.onPlaybackFinished({
        playbackPosition: playedMs / 1_000,
        interrupted,
        ...(heard !== undefined && { synchronizedTranscript: heard }),
      });
      attempt(() => events.finished(heard), fail);
    }

    override pause(): void {
      transport.pause();
    }

    override resume(): void {
      transport.resume();
    }
  }

  // The engine's `TextOutput`, which it does not export.
  const textOutput = {
    async captureText(part: EngineText): Promise<void> {
      const { text: plain, startTime } =
        typeof part === 'string' ? { text: part, startTime: undefined } : part;
      text.add(plain, startTime === undefined ? undefined : startTime * 1_000);
      attempt(() => events.text(plain), fail);
    },
    flush: () => text.end(),
    onAttached: () => undefined,
    onDetached: () => undefined,
  };

  return {
    audioInput: new TransportAudioInput(),
    audioOutput: new TransportAudioOutput(),
    textOutput,
  };
}
