import { isObject } from '../validation/is-object.js';
import type { CallDecision } from './call-router.js';

/** Check of one field: returns what is accepted, or `undefined` for a valid value. */
export type FieldCheck = (value: unknown) => string | undefined;

const CHECKS: Record<string, FieldCheck> = {
  refuse: (value) =>
    value === 'busy' || value === 'rejected' || (isObject(value) && typeof value.say === 'string')
      ? undefined
      : "must be 'busy', 'rejected' or { say: 'a text' }",
  bot: (value) => (typeof value === 'string' ? undefined : 'must be a string'),
  body: () => undefined,
  customParameters: (value) =>
    isObject(value) && Object.values(value).every((one) => typeof one === 'string')
      ? undefined
      : 'must be an object of strings',
  principal: (value) =>
    isObject(value) ? undefined : 'must be an object such as { id, maxSessions, claims }',
  maxDurationMs: (value) =>
    typeof value === 'number' && value > 0 ? undefined : 'must be a number of milliseconds above 0',
  credentials: (value) =>
    isObject(value) ? undefined : "must be an object of accounts by the carrier's name",
};

/**
 * Validates the decision of a host's `CallRouter`.
 * @param own checks of fields that only the call's transport knows
 * @throws {TypeError} naming what is wrong and what is accepted
 */
export function checkedDecision(
  value: unknown,
  own: Readonly<Record<string, FieldCheck>> = {},
): CallDecision {
  const checks = { ...CHECKS, ...own };
  if (!isObject(value)) {
    throw new TypeError('a decision must be an object: {} takes the call, { refuse } does not');
  }
  for (const [name, field] of Object.entries(value)) {
    if (field === undefined) continue;
    const check = Object.hasOwn(checks, name) ? checks[name] : undefined;
    const problem = check
      ? check(field)
      : `is not known; there are ${Object.keys(CHECKS).join(', ')}`;
    if (problem) throw new TypeError(`${name} of a decision ${problem}`);
  }
  return value;
}
