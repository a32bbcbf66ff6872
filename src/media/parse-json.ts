import { exceededJsonLimit } from '../limits/json-limits.js';

/** @throws for invalid JSON, and for JSON over the depth or value limit */
export function parseJson(text: string): unknown {
  const exceeded = exceededJsonLimit(text);
  if (exceeded) throw new Error(exceeded === 'depth' ? 'nested too deep' : 'too many values');
  return JSON.parse(text);
}
