import { SpeechSound, STEP_MS } from './speech-sound.js';
import { spokenWords } from './spoken-words.js';
import { meanSpeed, wordTimes } from './word-times.js';

/** Speed of a voice until it was heard, the fastest and the slowest, in milliseconds for each unit of a word's length. */
const USUAL_MS_PER_UNIT = 50;
const LEAST_MS_PER_UNIT = 25;
const MOST_MS_PER_UNIT = 100;

/** Speech that is as telling about a voice as what was heard of it before, in milliseconds. */
const LEARNED_MS = 2_000;

/** Words of scripts that have no spaces are their characters. */
const UNSPACED = ['Han', 'Hiragana', 'Katakana', 'Thai', 'Lao', 'Khmer', 'Myanmar']
  .map((script) => String.raw`\p{scx=${script}}`)
  .join('');
const WORD = new RegExp(String.raw`[${UNSPACED}]|[^\s${UNSPACED}]+`, 'gu');

/** Speed of a voice, which each answer teaches for the next. */
export class VoiceSpeed {
  private msPerUnit = USUAL_MS_PER_UNIT;

  get usual(): number {
    return this.msPerUnit;
  }

  /** @param ms length of the speech that had the speed */
  learn(msPerUnit: number, ms: number): void {
    const likely = Math.max(LEAST_MS_PER_UNIT, Math.min(msPerUnit, MOST_MS_PER_UNIT));
    this.msPerUnit += ((likely - this.msPerUnit) * ms) / (ms + LEARNED_MS);
  }
}

/** The text of an answer and its sound, and how much of the text was heard. */
export class HeardText {
  private text = '';
  private sound = new SpeechSound();
  /** Times of the parts of the text, in milliseconds since the answer's audio began, where they are known. */
  private times: { readonly atMs: number; readonly end: number }[] = [];
  private isWhole = false;

  constructor(private readonly speed = new VoiceSpeed()) {}

  /** Text so far. */
  get soFar(): string {
    return this.text;
  }

  /** Adds a part. After {@link end} it begins another answer. @param atMs when its audio begins */
  add(part: string, atMs?: number): void {
    if (this.isWhole) this.reset();
    this.text += part;
    if (atMs !== undefined) this.times.push({ atMs, end: this.text.length });
  }

  /** Adds audio, in the order in which it is played. */
  addAudio(pcm: Int16Array, sampleRateHz: number, channels?: number): void {
    this.sound.add(pcm, sampleRateHz, channels);
  }

  /** Ends the text of the answer. */
  end(): void {
    this.isWhole = true;
  }

  /** Takes the text of an answer that was heard whole. */
  takeAll(): string {
    const { text } = this;
    const words = spokenWords(text);
    if (words.length > 0) {
      const speech = this.sound.speech();
      this.speed.learn(meanSpeed(words, speech), speech.toMs - speech.fromMs);
    }
    this.reset();
    return text;
  }

  /**
   * Takes the text that was heard of an interrupted answer, in whole words.
   * @param isAllAudio true when there is no more audio to come
   */
  takeHeard(playedMs: number, isAllAudio: boolean): string {
    const heard = this.textUntil(playedMs, isAllAudio);
    this.reset();
    return heard;
  }

  private textUntil(playedMs: number, isAllAudio: boolean): string {
    if (this.times.length > 0) {
      const end = this.times.findLast(({ atMs }) => atMs < playedMs)?.end ?? 0;
      return this.wordsWithin(end);
    }
    const words = spokenWords(this.text);
    if (playedMs === 0 || words.length === 0) return '';
    const speech = this.sound.speech();
    const isWhole = isAllAudio && this.isWhole;
    const { ends, msPerUnit } = wordTimes(words, speech, isWhole, this.speed.usual);
    this.speed.learn(msPerUnit, speech.toMs - speech.fromMs);
    const unheard = ends.findIndex((endMs) => endMs > playedMs + STEP_MS);
    if (unheard === -1) return this.text;
    return this.text.slice(0, words[unheard - 1]?.end ?? 0);
  }

  private wordsWithin(characters: number): string {
    if (characters >= this.text.length) return this.text;
    let end = 0;
    for (const { 0: word, index } of this.text.matchAll(WORD)) {
      if (index + word.length > characters) break;
      end = index + word.length;
    }
    return this.text.slice(0, end);
  }

  private reset(): void {
    this.text = '';
    this.sound = new SpeechSound();
    this.times = [];
    this.isWhole = false;
  }
}
