import type { Speech } from './speech-sound.js';
import type { SpokenWord, Stop } from './spoken-words.js';

/** Costs are negative logarithms of how likely something is. They come from speech of eight synthetic voices in five languages. */
const MISSING_PAUSE: Readonly<Record<Stop, number>> = { none: 0, maybe: 1, short: 5, long: 7 };
/** Cost of a pause where the text has no stop, without its length. */
const UNEXPECTED_PAUSE = 1.2;
const UNEXPECTED_PAUSE_PER_MS = 0.01;
/** Cost of a pause after a sentence that is shorter than {@link SENTENCE_PAUSE_MS}. */
const HASTY_PAUSE = 1.5;
const SENTENCE_PAUSE_MS = 120;
/** Silence within a word that costs nothing, in milliseconds, and the cost of more. */
const CONSONANT_MS = 50;
const CONSONANT_COST_PER_MS = 0.025;
/** Variance of the time that words take, in ms², for each millisecond of it and of any. */
const VARIANCE_PER_MS = 30;
const VARIANCE = 3_000;

/** Limits of the search. A pause is taken for one within a word only so many times in a row. */
const MAX_SKIPPED = 6;
const MAX_SKIPPED_COST = 12;
/** Speech that is more or less than expected by this is looked at, however short it is. In milliseconds. */
const SLACK_MS = 300;
/** Most ways to explain a pause that are followed up. */
const MAX_WAYS = 12;
/** Number of pauses by which the speed is found. */
const SPEED_PAUSES = 24;

/** Speeds that are tried, as shares of the usual one. */
const SPEEDS = [0.7, 0.8, 0.9, 1, 1.12, 1.26, 1.42];
/** Spread of speeds, as a natural logarithm. */
const SPEED_SPREAD = 0.18;
/** Speech that is as telling about the speed as the usual speed is, in milliseconds. */
const USUAL_SPEED_MS = 2_000;

/** Times of words in speech. */
export interface WordTimes {
  /** End of each word, in milliseconds since the sound began. */
  readonly ends: readonly number[];
  /** Speed of the speech, in milliseconds for each unit of a word's length. */
  readonly msPerUnit: number;
}

/** A pause, and the word after which it is. */
interface Place {
  /** Number of words until it. */
  readonly word: number;
  /** Index of the pause; -1 for the beginning. */
  readonly pause: number;
  readonly cost: number;
  readonly before: Place | undefined;
}

/**
 * Finds the times of words, of which there is one at least, by the pauses of the speech and the stops of the text.
 * @param isWhole true when the speech is all of the words, and ends with the last; else either may go on
 * @param usual the usual `msPerUnit` of this voice
 */
export function wordTimes(
  words: readonly SpokenWord[],
  speech: Speech,
  isWhole: boolean,
  usual: number,
): WordTimes {
  const search = new Search(words, speech, isWhole);
  const msPerUnit = isWhole ? meanSpeed(words, speech) : speedOf(words, speech, usual);
  // The pauses that were found tell the speed better.
  const better = search.speedBy(search.run(msPerUnit), msPerUnit, isWhole ? 0 : USUAL_SPEED_MS);
  return { ends: search.ends(search.run(better), better), msPerUnit: better };
}

/** Speed of speech that is all of some words, of which there is one at least: in milliseconds for each unit of their length, without the longer pauses. */
export function meanSpeed(words: readonly SpokenWord[], speech: Speech): number {
  const lengths = words.reduce((sum, { length }) => sum + length, 0);
  const silentMs = speech.pauses.reduce((sum, pause) => sum + excess(pause), 0);
  return (speech.toMs - speech.fromMs - silentMs) / lengths;
}

/** Speed at which the beginning of the speech goes best with the words. */
function speedOf(words: readonly SpokenWord[], speech: Speech, usual: number): number {
  const { fromMs, toMs, pauses } = speech;
  const end = pauses[SPEED_PAUSES]?.fromMs ?? toMs;
  const beginning = { fromMs, toMs: end, pauses: pauses.slice(0, SPEED_PAUSES) };
  const search = new Search(words, beginning, false);
  let best = { cost: Infinity, speed: usual };
  for (const share of SPEEDS) {
    let speed = usual * share;
    const improbable = (Math.log(share) / SPEED_SPREAD) ** 2 / 2;
    for (let round = 0; round < 2; round++) {
      const way = search.run(speed);
      const cost = way.cost + improbable;
      if (cost < best.cost) best = { cost, speed };
      speed = search.speedBy(way, speed, USUAL_SPEED_MS);
    }
  }
  return best.speed;
}

/** Search for the words before the pauses. */
class Search {
  /** Length of all words before each, and cost of the pauses that they lack if there is none at all. */
  private readonly lengths = [0];
  private readonly missing = [0];

  constructor(
    private readonly words: readonly SpokenWord[],
    private readonly speech: Speech,
    private readonly isWhole: boolean,
  ) {
    for (const { length, stop } of words) {
      this.lengths.push(this.lengths.at(-1)! + length);
      this.missing.push(this.missing.at(-1)! + MISSING_PAUSE[stop]);
    }
  }

  /** Finds the likeliest places of the pauses. @returns the last of them, with the cost until the end */
  run(msPerUnit: number): Place {
    const { pauses } = this.speech;
    const places = [-1, ...pauses.keys()].map(() => new Map<number, Place>());
    places[0]!.set(0, { word: 0, pause: -1, cost: 0, before: undefined });
    let best: Place | undefined;
    for (const here of places) {
      const likeliest = [...here.values()].sort((a, b) => a.cost - b.cost).slice(0, MAX_WAYS);
      for (const place of likeliest) {
        const cost = place.cost + this.costOfEnd(place, msPerUnit);
        if (!best || cost < best.cost) best = { ...place, cost };
        this.extend(place, places, msPerUnit);
      }
    }
    return best!;
  }

  /** Adds the places that can follow one. */
  private extend(place: Place, places: readonly Map<number, Place>[], msPerUnit: number): void {
    const { pauses } = this.speech;
    const fromMs = this.endOf(place.pause);
    const last = Math.min(place.pause + MAX_SKIPPED, pauses.length - 1);
    let skipped = place.cost;
    for (let pause = place.pause + 1; pause <= last; pause++) {
      const tookMs = pauses[pause]!.fromMs - fromMs;
      const here = places[pause + 1]!;
      for (let word = place.word + 1; word <= this.words.length; word++) {
        const usualMs = this.lengthOf(place.word, word) * msPerUnit;
        if (usualMs > 2 * tookMs + SLACK_MS) break;
        if (usualMs < 0.4 * tookMs - SLACK_MS) continue;
        const cost =
          skipped +
          misfit(tookMs, usualMs) +
          this.missing[word - 1]! -
          this.missing[place.word]! +
          costOfPause(this.words[word - 1]!.stop, lengthOf(pauses[pause]!));
        const known = here.get(word);
        if (!known || cost < known.cost) here.set(word, { word, pause, cost, before: place });
      }
      skipped += costWithinWord(lengthOf(pauses[pause]!));
      if (skipped > place.cost + MAX_SKIPPED_COST) break;
    }
  }

  /** Cost of no more places after one. */
  private costOfEnd({ word, pause }: Place, msPerUnit: number): number {
    const { pauses, toMs } = this.speech;
    const tookMs = toMs - this.endOf(pause);
    let cost = 0;
    for (let at = pause + 1; at < pauses.length; at++) {
      cost += costWithinWord(lengthOf(pauses[at]!));
      if (cost > 2 * MAX_SKIPPED_COST) break;
    }
    let last = word;
    if (!this.isWhole) {
      while (last < this.words.length && this.lengthOf(word, last + 1) * msPerUnit <= tookMs)
        last++;
      if (last < this.words.length) return cost + this.missing[last]! - this.missing[word]!;
    }
    // No pause is missing after the last word.
    const unpaused = Math.max(word, this.words.length - 1);
    const usualMs = this.lengthOf(word, this.words.length) * msPerUnit;
    return cost + this.missing[unpaused]! - this.missing[word]! + misfit(tookMs, usualMs);
  }

  /** Speed of the speech until a place, and until the end where that is known. @param usualMs weight of the speed so far, in milliseconds of speech */
  speedBy(place: Place, msPerUnit: number, usualMs: number): number {
    let ms = usualMs;
    let length = usualMs / (msPerUnit || 1);
    if (this.isWhole) {
      ms += this.speech.toMs - this.endOf(place.pause);
      length += this.lengthOf(place.word, this.words.length);
    }
    for (let at = place; at.before; at = at.before) {
      ms += this.speech.pauses[at.pause]!.fromMs - this.endOf(at.before.pause);
      length += this.lengthOf(at.before.word, at.word);
    }
    return length > 0 ? ms / length : msPerUnit;
  }

  /** Ends of all words, in proportion to their lengths between the places. */
  ends(last: Place, msPerUnit: number): number[] {
    const ends: number[] = [];
    const restMs = this.lengthOf(last.word, this.words.length) * msPerUnit;
    const endMs = this.isWhole ? this.speech.toMs : this.endOf(last.pause) + restMs;
    this.spread(ends, last, this.words.length, endMs);
    for (let at = last; at.before; at = at.before) {
      this.spread(ends, at.before, at.word, this.speech.pauses[at.pause]!.fromMs);
    }
    return ends;
  }

  private spread(ends: number[], { word: from, pause }: Place, to: number, endMs: number): void {
    const fromMs = this.endOf(pause);
    const whole = this.lengthOf(from, to);
    for (let word = from + 1; word <= to; word++) {
      ends[word - 1] = fromMs + ((endMs - fromMs) * this.lengthOf(from, word)) / whole;
    }
  }

  private lengthOf(from: number, to: number): number {
    return this.lengths[to]! - this.lengths[from]!;
  }

  private endOf(pause: number): number {
    return this.speech.pauses[pause]?.toMs ?? this.speech.fromMs;
  }
}

const lengthOf = ({ fromMs, toMs }: Speech['pauses'][number]): number => toMs - fromMs;

/** Length of a pause that can be none of a consonant's. */
const excess = (pause: Speech['pauses'][number]): number =>
  lengthOf(pause) < 2 * CONSONANT_MS ? 0 : lengthOf(pause);

function misfit(tookMs: number, usualMs: number): number {
  return (tookMs - usualMs) ** 2 / (2 * (VARIANCE_PER_MS * tookMs + VARIANCE));
}

function costOfPause(stop: Stop, lengthMs: number): number {
  if (stop === 'none') return UNEXPECTED_PAUSE + UNEXPECTED_PAUSE_PER_MS * lengthMs;
  return stop === 'long' && lengthMs < SENTENCE_PAUSE_MS ? HASTY_PAUSE : 0;
}

const costWithinWord = (lengthMs: number): number =>
  Math.max(0, lengthMs - CONSONANT_MS) * CONSONANT_COST_PER_MS;
