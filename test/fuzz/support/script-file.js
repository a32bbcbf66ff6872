import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Folder with what the bot processes of a runner do, by the id of its process: each takes one file. */
export const scriptsOf = (pid) => join(tmpdir(), `fuzz-scripts-${pid}`);
