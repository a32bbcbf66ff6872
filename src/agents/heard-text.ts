/** Speed of speech until an answer was heard whole, in milliseconds for each character. */
const DEFAULT_MS_PER_CHARACTER = 60;

/** Characters that are spoken in the time of a digit. */
const CHARACTERS_PER_DIGIT = 4;
const DIGIT = /\p{Nd}/u;

/** Length of a text as it is spoken, in characters. */
const spokenLength = (text: string): number =>
  Array.from(text, (character) => spokenAs(character)).reduce((sum, length) => sum + length, 0);

const spokenAs = (character: string): number =>
  DIGIT.test(character) ? CHARACTERS_PER_DIGIT : character.length;

/** The text of an answer, and how much of it was heard. */
export class HeardText {
  private text = '';
  /** Times of the parts of the text, in milliseconds since the answer's audio began, where they are known. */
  private times: { readonly atMs: number; readonly end: number }[] = [];
  private isWhole = false;
  private msPerCharacter = DEFAULT_MS_PER_CHARACTER;

  /** Adds a part. After {@link end} it begins another answer. @param atMs when its audio begins */
  add(part: string, atMs?: number): void {
    if (this.isWhole) this.reset();
    this.text += part;
    if (atMs !== undefined) this.times.push({ atMs, end: this.text.length });
  }

  /** Ends the answer. */
  end(): void {
    this.isWhole = true;
  }

  /** Takes the whole text of an answer that was heard to its end. @param audioMs length of its audio */
  takeAll(audioMs: number): string {
    const { text } = this;
    if (this.isWhole && text !== '' && audioMs > 0)
      this.msPerCharacter = audioMs / spokenLength(text);
    this.reset();
    return text;
  }

  /**
   * Takes the text that was heard of an interrupted answer, in whole words.
   * @param audioMs length of its audio so far
   * @param isAllAudio true when there is no more audio to come
   */
  takeHeard(playedMs: number, audioMs: number, isAllAudio: boolean): string {
    const heard = this.wordsWithin(this.charactersAt(playedMs, audioMs, isAllAudio));
    this.reset();
    return heard;
  }

  private charactersAt(playedMs: number, audioMs: number, isAllAudio: boolean): number {
    if (this.times.length > 0) {
      return this.times.findLast(({ atMs }) => atMs < playedMs)?.end ?? 0;
    }
    const length = spokenLength(this.text);
    const spokenMs = length * this.msPerCharacter;
    const totalMs = isAllAudio && this.isWhole ? audioMs : Math.max(audioMs, spokenMs);
    let left = totalMs === 0 ? 0 : Math.round((length * playedMs) / totalMs);
    let characters = 0;
    for (const character of this.text) {
      left -= spokenAs(character);
      if (left < 0) break;
      characters += character.length;
    }
    return characters;
  }

  private wordsWithin(characters: number): string {
    if (characters >= this.text.length) return this.text;
    const part = this.text.slice(0, characters);
    const isBetweenWords = /\s/u.test(this.text.charAt(characters));
    return (isBetweenWords ? part : part.replace(/\S+$/u, '')).trimEnd();
  }

  private reset(): void {
    this.text = '';
    this.times = [];
    this.isWhole = false;
  }
}
