import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

/**
 * Reads the body of `--runner-body`, as Pipecat's own runner does: JSON, or YAML 1.1 (`yes` is true). Dates become strings, as in JSON.
 * @throws {Error} for an unreadable or malformed file
 */
export function readRunnerBody(path: string): unknown {
  const text = readFileSync(path, 'utf8');
  try {
    return JSON.parse(text);
  } catch {
    const body: unknown = parse(text, { version: '1.1' });
    return body === undefined ? undefined : (JSON.parse(JSON.stringify(body)) as unknown);
  }
}
