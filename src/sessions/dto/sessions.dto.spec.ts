import { expect, it } from '@jest/globals';
import { InvalidFieldsError } from '../../validation/invalid-fields.error.js';
import { ListSessionsQuery } from './sessions.dto.js';

it('a list of sessions has a hundred of them at most', () => {
  expect(ListSessionsQuery.parse({ limit: '100' })).toMatchObject({ limit: 100 });
  expect(() => ListSessionsQuery.parse({ limit: '101' })).toThrow(/1 to 100/);
});

it('the refusal of a list of sessions names ten filters at most that there are not', () => {
  const query = Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [`filter${i}`, '1']));
  let refusal: unknown;
  try {
    ListSessionsQuery.parse(query);
  } catch (error) {
    refusal = error;
  }
  expect(refusal).toBeInstanceOf(InvalidFieldsError);
  expect((refusal as InvalidFieldsError).errors).toHaveLength(10);
});
