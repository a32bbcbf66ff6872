import { describe, expect, it } from '@jest/globals';
import { CountedWarnings } from './counted-warnings.js';

function setUp() {
  const lines: string[] = [];
  return { lines, warnings: new CountedWarnings((text) => lines.push(text)) };
}

describe('CountedWarnings', () => {
  it('logs the first warning of each kind at once, and the number of the rest once, at the end', () => {
    const { lines, warnings } = setUp();
    for (let i = 0; i < 3; i++) warnings.warn(`malformed: ${i}`, 'malformed');
    warnings.warn('too slow');
    expect(lines).toEqual(['malformed: 0', 'too slow']);
    warnings.end();
    warnings.end();
    expect(lines.slice(2)).toEqual(['2 more: malformed: 0']);
  });

  it('keeps and logs no more than some kinds, and counts the others together', () => {
    const { lines, warnings } = setUp();
    for (let i = 0; i < 1_000; i++) warnings.warn(`error ${i}`);
    warnings.warn('error 0');
    expect(lines).toHaveLength(20);
    warnings.end();
    expect(lines.slice(20)).toEqual(['1 more: error 0', '980 more: other warnings']);
  });
});
