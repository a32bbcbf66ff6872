/** Pause of a speaker after a word, as its punctuation has it. */
export type Stop = 'none' | 'maybe' | 'short' | 'long';

/** Word of a text. */
export interface SpokenWord {
  /** Position in the text at which it ends, with its punctuation. */
  readonly end: number;
  /** Length as it is spoken: a letter of a language with an alphabet is about 1. */
  readonly length: number;
  readonly stop: Stop;
}

/** Words of scripts that have no spaces are their characters. */
const UNSPACED = String.raw`[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}]`;
const WORD = new RegExp(String.raw`${UNSPACED}ー?[^\p{L}\p{N}\s]*|(?:(?!${UNSPACED})\S)+`, 'gu');
const CLOSING = String.raw`["'”’»)\]*_]*$`;
const LONG_STOP = new RegExp(String.raw`[.!?…。！？؟।]${CLOSING}`, 'u');
const SHORT_STOP = new RegExp(String.raw`[,;:–—、，；：،]${CLOSING}`, 'u');
/** Words with a full stop that may be abbreviations or ordinals: `Dr.`, `3.` */
const ABBREVIATION = /^(?:\p{L}{1,3}|\p{Nd}+)\.$/u;

/** Length of a word beside its letters. */
const BASE_LENGTH = 1;
/** Additional length of the last word before a pause. */
const FINAL_LENGTH = 2;
const HAN_LENGTH = 4;
const KANA_LENGTH = 2;
/** Length of `%`, `€` and the like. */
const SYMBOL_LENGTH = 5;
/** Lengths of digits by their places, from the last: they are named with tens, hundreds and thousands. */
const PLACES = [4, 7, 11, 12, 16, 20];
/** Length of a digit that is read by itself. */
const DIGIT_LENGTH = 4.5;
const THOUSANDS = /(?<=\p{Nd})[.,'’](?=\p{Nd}{3}(?!\p{Nd}))/gu;

/** Splits a text into words. */
export function spokenWords(text: string): SpokenWord[] {
  return Array.from(text.matchAll(WORD), ({ 0: word, index }) => {
    const stop = stopAfter(word);
    const length = spokenLength(word) + (stop === 'none' ? 0 : FINAL_LENGTH);
    return { end: index + word.length, length, stop };
  });
}

function stopAfter(word: string): Stop {
  if (ABBREVIATION.test(word)) return 'maybe';
  if (LONG_STOP.test(word)) return 'long';
  return SHORT_STOP.test(word) ? 'short' : 'none';
}

function spokenLength(word: string): number {
  let length = BASE_LENGTH;
  for (const [digits] of word.replace(THOUSANDS, '').matchAll(/\p{Nd}+/gu)) {
    length += numberLength(digits);
  }
  for (const character of word) {
    if (/\p{sc=Han}/u.test(character)) length += HAN_LENGTH;
    else if (/[\p{sc=Hiragana}\p{sc=Katakana}]/u.test(character)) length += KANA_LENGTH;
    else if (/\p{L}/u.test(character)) length += 1;
    else if (/[\p{Sc}%&+@#=]/u.test(character)) length += SYMBOL_LENGTH;
  }
  return length;
}

function numberLength(digits: string): number {
  if (digits.length > PLACES.length || /^0./.test(digits)) return DIGIT_LENGTH * digits.length;
  const places = PLACES.slice(0, digits.length).reverse();
  const named = places.reduce((sum, length, at) => sum + (digits[at] === '0' ? 0 : length), 0);
  return Math.max(PLACES[0]!, named);
}
