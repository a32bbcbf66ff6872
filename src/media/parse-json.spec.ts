import { describe, expect, it } from '@jest/globals';
import { parseJson } from './parse-json.js';

const lists = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
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
