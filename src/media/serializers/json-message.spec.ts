import { expect, it } from '@jest/globals';
import { parseJsonMessage } from './json-message.js';

const messageOf = (values: number): Buffer =>
  Buffer.from(
    JSON.stringify(Object.fromEntries(Array.from({ length: values }, (_, at) => [`key${at}`, at]))),
  );

it('is a message of a carrier with 2,000 values at most', () => {
  expect(Object.keys(parseJsonMessage(messageOf(2_000)) ?? {})).toHaveLength(2_000);
  expect(parseJsonMessage(messageOf(2_001))).toBeUndefined();
});
