import { fieldOf } from '../errors/thrown.js';
import { Accepts } from './option.decorators.js';

/** Limit of values in an object that is copied and passed on. */
const MAX_VALUES = 1_000;

/** Object or list of at most 1,000 values, those in its members included: JSON of a request may have more, and each copy of them costs time. */
export const FewValues = (): PropertyDecorator =>
  Accepts('must have at most 1,000 values', hasFewValues);

function hasFewValues(value: unknown): boolean {
  const open = [value];
  let values = 0;
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (typeof next !== 'object') continue;
    // Takes half of the time of Object.values(), which looks up each of thousands of members.
    for (const key in next) {
      if (++values > MAX_VALUES) return false;
      open.push(fieldOf(next, key) ?? null);
    }
  }
  return true;
}
