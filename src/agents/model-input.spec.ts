import { expect, it } from '@jest/globals';
import { hasRoom } from './model-input.js';

it.each([
  [0, 5_000_000, true],
  [1, 1_999_999, true],
  [1, 2_000_000, false],
])('with %d bytes that wait for a model, there is room for %d more: %s', (waiting, bytes, is) => {
  expect(hasRoom(waiting, bytes)).toBe(is);
});
