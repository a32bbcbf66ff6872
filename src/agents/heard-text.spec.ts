import { describe, expect, it } from '@jest/globals';
import { HeardText } from './heard-text.js';

const ANSWER = 'One two three four five six.';

/** An answer whose text is known whole. */
function answer(text = ANSWER): HeardText {
  const heard = new HeardText();
  for (const word of text.split(/(?<= )/)) heard.add(word);
  heard.end();
  return heard;
}

describe('the text that was heard', () => {
  it.each([
    [0, ''],
    [300, 'One'],
    [1_400, 'One two three'],
    [2_799, 'One two three four five six.'],
    [2_800, ANSWER],
  ])('of an answer of 2.8 s after %d ms is "%s"', (playedMs, text) => {
    expect(answer().takeHeard(playedMs, 2_800, true)).toBe(text);
  });

  it('is told by the times of words where they are known', () => {
    const heard = new HeardText();
    ['One ', 'two ', 'three '].forEach((word, i) => heard.add(word, i * 1_000));
    expect(heard.takeHeard(1_500, 3_000, true)).toBe('One two');
    heard.add('Late.', 500);
    expect(heard.takeHeard(400, 3_000, true)).toBe('');
  });

  it('counts a digit as its name, which takes longer than a letter', () => {
    // As long as 4 letters each: 10 of 36 characters before it, 26 with it.
    const text = 'It is the 4711 that I want';
    expect(answer(text).takeHeard(1_300, 3_800, true)).toBe('It is the');
    expect(answer(text).takeHeard(2_500, 3_800, true)).toBe('It is the');
    expect(answer(text).takeHeard(2_700, 3_800, true)).toBe('It is the 4711');
  });

  it('is estimated by the usual speed while there is more to come', () => {
    const heard = answer();
    // 28 characters at 60 ms: 600 ms are a third, however little audio there is yet.
    expect(heard.takeHeard(600, 700, false)).toBe('One two');
  });

  it('is estimated by the speed of the answer before', () => {
    const heard = answer();
    expect(heard.takeAll(ANSWER.length * 120)).toBe(ANSWER);
    heard.add(ANSWER);
    expect(heard.takeHeard(600, 700, false)).toBe('One');
  });

  it('begins anew with each answer', () => {
    const heard = answer();
    heard.add('Next.');
    heard.end();
    expect(heard.takeAll(300)).toBe('Next.');
    expect(heard.takeAll(300)).toBe('');
  });
});
