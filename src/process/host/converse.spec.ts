import { describe, expect, it } from '@jest/globals';
import { THROWABLES } from '../../../test/faults/throwables.js';
import { failure } from './converse.js';

/** The longest line that the runner takes. */
const MAX_LINE = 1_048_576;

describe('what a bot throws in its process', () => {
  it.each(Object.entries(THROWABLES))('is told to the runner: %s', (_, make) => {
    const line = JSON.stringify(failure(make()));
    expect(line.length).toBeLessThan(MAX_LINE);
    expect(JSON.parse(line)).toMatchObject({ type: 'failed', message: expect.any(String) });
  });
});
