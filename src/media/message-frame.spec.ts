import { describe, expect, it } from '@jest/globals';
import { readMessageFrame, writeMessageFrame } from './message-frame.js';

describe('message frames', () => {
  it('are the bytes that protobuf gives', () => {
    expect(writeMessageFrame('{}').toString('hex')).toBe('22040a027b7d');
  });

  it.each([0, 1, 125, 126, 127, 128, 16_383, 16_384, 70_000])('carry %d bytes', (length) => {
    const text = 'é'.repeat(length / 2) + 'x'.repeat(length % 2);
    expect(readMessageFrame(writeMessageFrame(text))).toBe(text);
  });

  it.each([
    '',
    '22',
    '2204',
    '22040a',
    '22040a037b7d',
    '12040a027b7d',
    '22ffffffffffff',
    '2205 0a027b7d00',
  ])('are told from %j', (hex) => {
    expect(readMessageFrame(Buffer.from(hex.replace(' ', ''), 'hex'))).toBeUndefined();
  });
});
