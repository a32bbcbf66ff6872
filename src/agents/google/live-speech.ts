import { attempt } from '../../errors/attempt.js';
import type { MediaTransport } from '../../media/media-transport.js';
import { pcmFromBytes } from '../../media/pcm.js';
import type { RtviSession } from '../../rtvi/rtvi-session.js';
import { HeardText } from '../heard-text.js';
import { nextPosition, type PlacedAudio, playedOf } from '../placed-audio.js';
import type { LiveContent } from './live-module.js';

/** Sample rate of the model's audio, in Hz, where its MIME type does not tell. */
const OUTPUT_RATE_HZ = 24_000;

interface Answer extends PlacedAudio {
  audioMs: number;
  /** True while there is no more to come. */
  isWhole: boolean;
}

/** Events of the model's speech. */
export interface LiveSpeechEvents {
  /** The model begins an answer. */
  answering(): void;
  /** All of an answer is there, or it was interrupted. */
  answered(): void;
}

/** Plays what the model says, and tells a Pipecat client about it. */
export class LiveSpeech {
  private readonly text = new HeardText();
  /** The answer that is played, until its end was. */
  private answer: Answer | undefined;
  private generating = false;
  /** The rest of an answer that was cut off is dropped: its text until the next audio, or all of it until its end. */
  private dropped: 'text' | 'all' | undefined;
  private userText = '';

  constructor(
    private readonly transport: MediaTransport,
    private readonly rtvi: RtviSession | undefined,
    private readonly events: LiveSpeechEvents,
  ) {}

  /** True while there is more of an answer to come. */
  get isGenerating(): boolean {
    return this.generating;
  }

  hear(content: LiveContent): void {
    const { interrupted, modelTurn, generationComplete, turnComplete } = content;
    const { inputTranscription, outputTranscription } = content;
    if (inputTranscription) {
      this.hearUser(inputTranscription.text ?? '', inputTranscription.finished === true);
    }
    if (interrupted) {
      this.interrupt();
      this.dropped = 'text';
    }
    for (const { inlineData } of modelTurn?.parts ?? []) {
      if (inlineData?.data !== undefined) this.speak(inlineData.data, inlineData.mimeType);
    }
    if (outputTranscription?.text && !this.dropped) {
      this.text.add(outputTranscription.text);
      this.rtvi?.send('bot-llm-text', { text: outputTranscription.text });
    }
    if (generationComplete || turnComplete) {
      this.dropped = undefined;
      this.hearUser('', true);
      this.complete();
    }
  }

  /** Cuts off the answer because the client asks something else: the rest of it is dropped. */
  cutOff(): void {
    const { generating } = this;
    this.interrupt();
    if (generating) this.dropped = 'all';
  }

  /** Ends an answer whose connection was lost. @param isRepeated true when it is given again, from its beginning */
  connectionLost(isRepeated: boolean): void {
    this.dropped = undefined;
    if (!this.generating) return;
    if (!isRepeated) return this.complete();
    this.stopGenerating();
    this.interrupt();
  }

  private interrupt(): void {
    if (this.stopGenerating()) this.events.answered();
    const { answer } = this;
    if (!answer && this.transport.playback.queuedMs === 0) return;
    const { totalPlayedMs } = this.transport.clear();
    this.rtvi?.send('bot-interrupted');
    if (answer) this.finishAt(totalPlayedMs, answer);
  }

  private hearUser(part: string, final: boolean): void {
    this.userText += part;
    if (part === '' && !(final && this.userText !== '')) return;
    this.rtvi?.send('user-transcription', {
      text: this.userText,
      user_id: '',
      timestamp: new Date().toISOString(),
      final,
    });
    if (final) this.userText = '';
  }

  private speak(data: string, mimeType = 'audio/pcm'): void {
    if (!mimeType.startsWith('audio/pcm') || this.dropped === 'all') return;
    this.dropped = undefined;
    const sampleRateHz = Number(/rate=(\d+)/.exec(mimeType)?.[1] ?? OUTPUT_RATE_HZ);
    const pcm = pcmFromBytes(Buffer.from(data, 'base64'));
    const startsAtMs = nextPosition(this.transport.playback);
    // First, because it throws for a rate that is not in use.
    void this.transport.sendAudio({ pcm, sampleRateHz });
    if (!this.generating) {
      this.generating = true;
      this.hearUser('', true);
      this.events.answering();
      this.rtvi?.send('bot-llm-started');
    }
    if (!this.answer) {
      this.answer = { startsAtMs, audioMs: 0, isWhole: false };
      this.rtvi?.send('bot-started-speaking');
    }
    this.answer.audioMs += (pcm.length * 1_000) / sampleRateHz;
    this.answer.isWhole = false;
    this.text.addAudio(pcm, sampleRateHz);
  }

  /** All audio of the answer is there: its end is told once it is played. */
  private complete(): void {
    if (this.stopGenerating()) this.events.answered();
    const { answer } = this;
    if (!answer) return;
    const { audioMs } = answer;
    answer.isWhole = true;
    const played = async (): Promise<void> => {
      const { outcome, totalPlayedMs } = await this.transport.mark('answer');
      // The model may have gone on meanwhile.
      if (this.answer !== answer || answer.audioMs !== audioMs) return;
      if (outcome !== 'played') return this.finishAt(totalPlayedMs, answer);
      this.finish(this.text.takeAll());
    };
    attempt(played, (thrown) => this.transport.fail(thrown));
  }

  /** @returns true when an answer was being generated */
  private stopGenerating(): boolean {
    const { generating } = this;
    this.generating = false;
    if (generating) this.rtvi?.send('bot-llm-stopped');
    return generating;
  }

  /** Ends an answer that was not played to its end. */
  private finishAt(positionMs: number, answer: Answer): void {
    const playedMs = playedOf(answer, positionMs);
    if (answer.isWhole) this.text.end();
    this.finish(this.text.takeHeard(playedMs, answer.isWhole));
  }

  private finish(heard: string): void {
    this.answer = undefined;
    this.rtvi?.send('bot-stopped-speaking');
    if (heard !== '') this.rtvi?.send('bot-output', { text: heard, output_type: 'sentence' });
  }
}
