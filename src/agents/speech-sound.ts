/** Resolution of a sound's loudness, in milliseconds. */
export const STEP_MS = 10;
/** Steps of a sound by which a loud one is known: the loudest tenth begins there. */
const LOUD_QUANTILE = 0.9;
/** Share of a loud step below which a step is silent. */
const SILENT_SHARE = 0.04;
/** Root mean square of samples below which a step is silent in any case. */
const SILENT_RMS = 20;
/** Shortest silence that counts, in milliseconds: shorter ones are parts of consonants. */
const MIN_PAUSE_MS = 50;

/** Stretch of time, in milliseconds since a sound began. */
export interface Stretch {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Speech in a sound, from its first word to its last. */
export interface Speech extends Stretch {
  /** Silences within it, in their order. */
  readonly pauses: readonly Stretch[];
}

/** Loudness of a sound that comes in pieces. */
export class SpeechSound {
  private readonly levels: number[] = [];
  private power = 0;
  private samples = 0;

  /** @param channels number of channels, which are interleaved */
  add(pcm: Int16Array, sampleRateHz: number, channels = 1): void {
    const step = Math.round((sampleRateHz * channels * STEP_MS) / 1_000);
    for (const sample of pcm) {
      this.power += sample * sample;
      if (++this.samples < step) continue;
      this.levels.push(Math.sqrt(this.power / step));
      this.power = this.samples = 0;
    }
  }

  /** Finds the speech and its pauses in the sound so far. One that is silent altogether counts as speech. */
  speech(): Speech {
    const sorted = Float64Array.from(this.levels).sort();
    const loud = sorted[Math.floor(sorted.length * LOUD_QUANTILE)] ?? 0;
    const silent = Math.max(SILENT_RMS, SILENT_SHARE * loud);
    const first = this.levels.findIndex((level) => level > silent);
    const last = this.levels.findLastIndex((level) => level > silent);
    if (first === -1) return { fromMs: 0, toMs: this.levels.length * STEP_MS, pauses: [] };
    const pauses: Stretch[] = [];
    let soundedAt = first;
    for (let at = first + 1; at <= last; at++) {
      if (this.levels[at]! <= silent) continue;
      const pause = { fromMs: (soundedAt + 1) * STEP_MS, toMs: at * STEP_MS };
      if (pause.toMs - pause.fromMs >= MIN_PAUSE_MS) pauses.push(pause);
      soundedAt = at;
    }
    return { fromMs: first * STEP_MS, toMs: (last + 1) * STEP_MS, pauses };
  }
}
