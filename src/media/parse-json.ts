import { exceededJsonLimit } from '../limits/json-limits.js';

/** @throws when it is no JSON, nested too deep or of too many values */
export function parseJson(text: string): unknown {
  const exceeded = exceededJsonLimit(text);
  if (exceeded) throw new Error(exceeded === 'depth' ? 'nested too deep' : 'too many values');
  return JSON.parse(text);
}
