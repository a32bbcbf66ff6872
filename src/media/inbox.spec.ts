import { describe, expect, it } from '@jest/globals';
import { Inbox } from './inbox.js';

const ofThree = (onEnd?: () => void) => new Inbox<string>(3, () => 1, onEnd);

describe('Inbox', () => {
  it('hands values to whoever asks, before or after', async () => {
    const inbox = ofThree();
    const early = inbox.next();
    inbox.push('a');
    inbox.push('b');
    expect(await early).toEqual({ done: false, value: 'a' });
    expect(await inbox.next()).toEqual({ done: false, value: 'b' });
  });

  it('drops the oldest where there are too many, and says how many', async () => {
    const inbox = ofThree();
    expect(['a', 'b', 'c', 'd', 'e'].map((value) => inbox.push(value))).toEqual([0, 0, 0, 1, 1]);
    expect(inbox.drain()).toEqual(['c', 'd', 'e']);
    expect(['f', 'g', 'h'].map((value) => inbox.push(value))).toEqual([0, 0, 0]);
  });

  it('keeps one that is larger than all the room', () => {
    const inbox = new Inbox<string>(3, (text) => text.length);
    expect(inbox.push('abcdef')).toBe(0);
    expect(inbox.push('g')).toBe(1);
    expect(inbox.drain()).toEqual(['g']);
  });

  it('ends after what is left is read, and for those who wait', async () => {
    let ends = 0;
    const inbox = ofThree(() => ends++);
    inbox.push('a');
    inbox.end();
    inbox.end();
    expect(inbox.push('b')).toBe(0);
    const read: string[] = [];
    for await (const value of inbox) read.push(value);
    expect(read).toEqual(['a']);
    const waiting = ofThree();
    const next = waiting.next();
    waiting.end();
    expect((await next).done).toBe(true);
    expect(ends).toBe(1);
  });

  it('is over when its reader stops', async () => {
    let ends = 0;
    const inbox = ofThree(() => ends++);
    inbox.push('a');
    inbox.push('b');
    await inbox[Symbol.asyncIterator]().return();
    expect(ends).toBe(1);
    expect((await inbox.next()).done).toBe(true);
  });
});
