import { describe, it } from '@jest/globals';
import { missingOf, type ToolName } from './tools.js';

type Suite = (title: string, body: () => void) => void;
type Test = Pick<typeof it, 'each'> & ((...test: Parameters<typeof it>) => void);

/** Note in the title of what is skipped: skip-reporter.js reads it. '' where nothing is missing. */
const noteOf = (needs: readonly ToolName[]): string => {
  const missing = missingOf(needs);
  return missing.length > 0 ? ` [needs ${missing.join(', ')}]` : '';
};

/** `describe` of tests that need tools: skips them where one is missing, and says which. */
export function describeWith(...needs: ToolName[]): Suite {
  const note = noteOf(needs);
  return note ? (title, body) => describe.skip(title + note, body) : describe;
}

/** `it` of a test that needs tools: skips it where one is missing, and says which. */
export function itWith(...needs: ToolName[]): Test {
  const note = noteOf(needs);
  if (!note) return it;
  const skip = (title: string): void => it.skip(title + note, () => undefined);
  const each = () => skip;
  return Object.assign(skip, { each }) as unknown as Test;
}
