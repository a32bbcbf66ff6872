import { describe, expect, it } from '@jest/globals';
import { UnansweredTexts } from './unanswered-texts.js';

/** An answer that the test ends. */
function answering() {
  let end!: () => void;
  const ended = new Promise<void>((resolve) => (end = resolve));
  return { end, answer: () => ended };
}

describe('texts of a client that wait for their answer', () => {
  it.each([
    ['nine short ones', 'hi', 9],
    ['one of them alone where it is long', 'x'.repeat(200_000), 1],
  ])('are taken up to %s, and again once one has ended', async (_, content, most) => {
    const texts = new UnansweredTexts();
    const first = answering();
    const ended = texts.add(content, false, first.answer);
    let taken = 1;
    const more = (): unknown => texts.add(content, false, answering().answer);
    while (taken < 20 && more()) taken++;
    expect(taken).toBe(most);
    first.end();
    await ended;
    expect(more()).toBeDefined();
    expect(more()).toBeUndefined();
  });

  it('are no more than nine that were interrupted, however many interrupt', () => {
    const texts = new UnansweredTexts();
    let taken = 0;
    while (taken < 20 && texts.add('hi', true, answering().answer)) taken++;
    // The last one has interrupted the others, and was not interrupted itself.
    expect(taken).toBe(10);
  });
});
