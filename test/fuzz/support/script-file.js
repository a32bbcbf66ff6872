import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Path of what the bot processes of a runner do, by the id of its process. */
export const scriptOf = (pid) => join(tmpdir(), `fuzz-script-${pid}.json`);
