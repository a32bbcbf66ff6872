import { expect, it } from '@jest/globals';
import { printable } from './printable.js';

it.each([
  ['plain text, 100 %', 'plain text, 100 %'],
  ['a\r\nInjected: line', 'a??Injected: line'],
  ['\x1b[31mred\x7f', '?[31mred?'],
  ['\u202etxt.exe ä', '?txt.exe ?'],
  ['x'.repeat(41), 'x'.repeat(40)],
])('text of a stranger is short and printable in messages: %j', (text, shown) => {
  expect(printable(text)).toBe(shown);
});
