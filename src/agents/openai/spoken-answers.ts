import { attempt } from '../../errors/attempt.js';
import type { MediaTransport } from '../../media/media-transport.js';
import { HeardText, VoiceSpeed } from '../heard-text.js';
import { nextPosition, playedOf } from '../placed-audio.js';

/** Audio that may be missing at the end of an answer that was heard whole, in milliseconds: it is resampled and sent in chunks. */
const TOLERANCE_MS = 20;

/** Events of the agent's speech. */
export interface SpeechEvents {
  started(): void;
  /** A part of an answer's text, as the model produces it. */
  text(part: string): void;
  /** An answer has ended. @param text the text that was heard */
  finished(text: string, isInterrupted: boolean): void;
  stopped(): void;
}

interface Answer {
  readonly itemId: string;
  readonly text: HeardText;
  /** Position of its first audio in all audio of the transport, in milliseconds. */
  startsAtMs: number | undefined;
  audioMs: number;
  isWhole: boolean;
}

/** Heard part of an answer that was interrupted. */
export interface Interrupted {
  readonly itemId: string;
  /** `undefined` for an answer without any audio yet. */
  readonly heardMs: number | undefined;
  readonly text: string;
}

/** Answers of a model on a transport, from their first word until they were heard or interrupted. */
export class SpokenAnswers {
  private answers: Answer[] = [];
  private isSpeaking = false;
  private readonly speed = new VoiceSpeed();

  constructor(
    private readonly transport: MediaTransport,
    private readonly events: SpeechEvents,
  ) {}

  addText(itemId: string, part: string): void {
    this.answerOf(itemId).text.add(part);
    this.events.text(part);
  }

  addAudio(itemId: string, pcm: Int16Array, sampleRateHz: number): void {
    const answer = this.answerOf(itemId);
    answer.startsAtMs ??= nextPosition(this.transport.playback);
    answer.audioMs += (pcm.length * 1_000) / sampleRateHz;
    answer.text.addAudio(pcm, sampleRateHz);
    void this.transport.sendAudio({ pcm, sampleRateHz });
    if (this.isSpeaking) return;
    this.isSpeaking = true;
    this.events.started();
  }

  /** Ends an answer: no more audio comes. */
  end(itemId: string): void {
    const answer = this.answers.find((one) => one.itemId === itemId);
    if (answer) this.finishWhenPlayed(answer);
  }

  /** Ends all answers, such as when the model is gone. @returns the text of those that are not whole */
  endAll(): { readonly itemId: string; readonly text: string }[] {
    const open = this.answers.filter(({ isWhole }) => !isWhole);
    for (const answer of open) this.finishWhenPlayed(answer);
    return open.map(({ itemId, text }) => ({ itemId, text: text.soFar }));
  }

  /** Silences the transport, if an answer is being played. @returns the answers that were not heard whole */
  interrupt(): Interrupted[] {
    if (this.answers.length === 0) return [];
    const answers = this.answers.splice(0);
    const { totalPlayedMs } = this.transport.clear();
    const interrupted = answers.flatMap((answer): Interrupted[] => {
      const { itemId, startsAtMs, audioMs, isWhole, text } = answer;
      if (startsAtMs === undefined) return [{ itemId, heardMs: undefined, text: '' }];
      const heardMs = playedOf({ startsAtMs, audioMs }, totalPlayedMs);
      if (isWhole && heardMs > audioMs - TOLERANCE_MS) {
        this.events.finished(text.takeAll(), false);
        return [];
      }
      return [{ itemId, heardMs, text: heardOf(answer, heardMs) }];
    });
    for (const { text } of interrupted) this.events.finished(text, true);
    this.stop();
    return interrupted;
  }

  private answerOf(itemId: string): Answer {
    const known = this.answers.find((one) => one.itemId === itemId);
    if (known) return known;
    const answer: Answer = {
      itemId,
      text: new HeardText(this.speed),
      startsAtMs: undefined,
      audioMs: 0,
      isWhole: false,
    };
    this.answers.push(answer);
    return answer;
  }

  private finishWhenPlayed(answer: Answer): void {
    answer.isWhole = true;
    const played = async (): Promise<void> => {
      const { outcome, totalPlayedMs } = await this.transport.mark('answer');
      const at = this.answers.indexOf(answer);
      if (at === -1 || outcome === 'disconnected') return;
      this.answers.splice(at, 1);
      // The bot itself may have cleared the transport.
      const isInterrupted = outcome === 'cleared';
      const { startsAtMs = totalPlayedMs, audioMs } = answer;
      const heardMs = playedOf({ startsAtMs, audioMs }, totalPlayedMs);
      const text = isInterrupted ? heardOf(answer, heardMs) : answer.text.takeAll();
      this.events.finished(text, isInterrupted);
      if (this.answers.length === 0) this.stop();
    };
    attempt(played, (thrown) => this.transport.fail(thrown));
  }

  private stop(): void {
    if (!this.isSpeaking) return;
    this.isSpeaking = false;
    this.events.stopped();
  }
}

function heardOf({ text, isWhole }: Answer, heardMs: number): string {
  if (isWhole) text.end();
  return text.takeHeard(heardMs, isWhole);
}
