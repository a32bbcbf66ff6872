import { describe, expect, it } from '@jest/globals';
import { UnansweredInput } from './unanswered-input.js';

const texts = (input: UnansweredInput): (string | undefined)[] =>
  input.take().map(({ text }) => text);

describe('input that the model has not answered', () => {
  it('is taken once, the oldest first', () => {
    const input = new UnansweredInput();
    input.add({ text: 'one' });
    input.add({ text: 'two' });
    expect(texts(input)).toEqual(['one', 'two']);
    expect(texts(input)).toEqual([]);
  });

  it('is what came during the last answer, and after it', () => {
    const input = new UnansweredInput();
    input.add({ text: 'question' });
    input.answering();
    input.add({ text: 'during' });
    input.answered();
    input.add({ text: 'after' });
    expect(texts(input)).toEqual(['during', 'after']);
  });

  it('is kept whole while the model answers', () => {
    const input = new UnansweredInput();
    input.add({ text: 'question' });
    input.answering();
    input.add({ text: 'during' });
    expect(texts(input)).toEqual(['question', 'during']);
    // Nothing is left of it to be answered.
    input.add({ text: 'next' });
    input.answered();
    expect(texts(input)).toEqual(['next']);
  });

  it('is at most some ten seconds of audio, the newest', () => {
    const input = new UnansweredInput();
    const audio = { data: 'A'.repeat(856), mimeType: 'audio/pcm;rate=16000' };
    input.add({ text: 'first' });
    for (let i = 0; i < 2_000; i++) input.add({ audio });
    input.add({ text: 'last' });
    const left = input.take();
    expect(left.length).toBeGreaterThan(500);
    expect(left.length).toBeLessThan(600);
    expect(left.at(-1)).toEqual({ text: 'last' });
  });

  it('counts empty items too', () => {
    const input = new UnansweredInput();
    for (let i = 0; i < 10_000; i++) input.add({ text: '' });
    expect(input.take().length).toBeLessThan(3_000);
  });

  it('drops of a question what is over the limit, and no more when it is answered', () => {
    const input = new UnansweredInput();
    input.add({ text: 'question' });
    input.answering();
    for (let i = 0; i < 2_000; i++) input.add({ text: 'x'.repeat(300) });
    const { length } = input.take();
    for (let i = 0; i < 2_000; i++) input.add({ text: 'x'.repeat(300) });
    input.answered();
    expect(input.take()).toHaveLength(length);
  });

  it('has room for texts until they would push out others, whatever audio there is', () => {
    const input = new UnansweredInput();
    const text = { text: 'x'.repeat(120_000) };
    for (let i = 0; i < 1_000; i++) {
      input.add({ audio: { data: 'A'.repeat(856), mimeType: 'audio/pcm;rate=16000' } });
    }
    expect(input.hasRoomFor({ text: 'x'.repeat(310_000) })).toBe(false);
    for (let i = 0; i < 2; i++) {
      expect(input.hasRoomFor(text)).toBe(true);
      input.add(text);
    }
    expect(input.hasRoomFor(text)).toBe(false);
  });
});
