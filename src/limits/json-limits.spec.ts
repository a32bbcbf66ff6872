import { describe, expect, it } from '@jest/globals';
import { busyMs } from '../../test/support/busy-ms.js';
import { exceededJsonLimit, MAX_JSON_DEPTH, MAX_JSON_VALUES, parseJson } from './json-limits.js';

const lists = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
const list = (...texts: string[]): string => `[${texts.join()}]`;
const many = (count: number, text: string): string[] => Array<string>(count).fill(text);
const PADDING = JSON.stringify('x'.repeat(2 * MAX_JSON_DEPTH));

describe('exceededJsonLimit()', () => {
  it.each<[string, string, 'depth' | 'values' | undefined]>([
    ['as deep as may be', list(PADDING, lists(MAX_JSON_DEPTH - 1)), undefined],
    ['deeper', list(PADDING, lists(MAX_JSON_DEPTH)), 'depth'],
    ['brackets in a string', JSON.stringify('['.repeat(1_000)), undefined],
    ['brackets behind a quoted quotation mark', JSON.stringify(`"${'['.repeat(1_000)}`), undefined],
    [
      'brackets behind a string that ends in a backslash',
      `["\\\\",${PADDING},${lists(MAX_JSON_DEPTH)}]`,
      'depth',
    ],
    ['a string that does not end', `"${'['.repeat(1_000)}`, undefined],
    ['as many numbers as may be', list(...many(MAX_JSON_VALUES, '0')), undefined],
    ['many lists that are closed', list(...many(1_000, '[]')), undefined],
    ['many objects that are closed', list(...many(1_000, '{}')), undefined],
    ['more numbers', list(...many(MAX_JSON_VALUES + 1, '0')), 'values'],
    ['empty objects, half as many', list(...many(MAX_JSON_VALUES / 2, '{}')), undefined],
    ['more empty objects', list(...many(MAX_JSON_VALUES / 2 + 1, '{}')), 'values'],
    ['commas in a string', JSON.stringify(','.repeat(100_000)), undefined],
  ])('enforces the depth and value limits of JSON for %s', (_, text, exceeded) => {
    expect(exceededJsonLimit(text)).toBe(exceeded);
  });

  it.each(['["', '\\"', '\\\\"', '"\\', '{"a":"b",'])(
    'scans JSON in linear time: %s repeated',
    (part) => {
      const text = part.repeat(1_000_000 / part.length);
      expect(busyMs(() => exceededJsonLimit(text))).toBeLessThan(200);
    },
  );
});

const objects = (depth: number): string => '{"a":'.repeat(depth) + '1' + '}'.repeat(depth);

describe('parseJson()', () => {
  it.each(['{"a":[1,"x",null]}', '17', lists(200), objects(200), `[${'{},'.repeat(500)}1]`])(
    'parses %s',
    (text) => expect(parseJson(text)).toEqual(JSON.parse(text)),
  );

  it.each([
    '',
    '{',
    lists(202),
    lists(100_000),
    objects(20_000),
    `["${'x'.repeat(400)}",${lists(300)}]`,
  ])('refuses malformed, deep or large JSON: %.20s', (text) =>
    expect(() => parseJson(text)).toThrow(),
  );
});
