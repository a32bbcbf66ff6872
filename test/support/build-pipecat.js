// Installs Pipecat into a virtual environment, once per machine: `node test/support/build-pipecat.js`.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';

const VERSION = '1.14.0';
const EXTRAS = ['runner', 'websocket', 'livekit', 'webrtc', 'moq'];

/** The folder of the environment. */
const FOLDER = join(
  process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'),
  'nestjs-pipecat-runner',
  ['pipecat', VERSION, ...EXTRAS].join('-'),
);

/** A Python that has it; `PIPECAT_PYTHON` names another one. */
export const PIPECAT_PYTHON = process.env.PIPECAT_PYTHON ?? join(FOLDER, 'bin', 'python');

/** Installs it unless it is there. @returns why that was not possible, if it was not */
export function buildPipecat() {
  if (existsSync(PIPECAT_PYTHON)) return undefined;
  const building = `${FOLDER}.building`;
  try {
    console.log(`Installing pipecat-ai ${VERSION}, once; it takes a minute …`);
    mkdirSync(dirname(FOLDER), { recursive: true });
    rmSync(building, { recursive: true, force: true });
    execFileSync('python3', ['-m', 'venv', building], { stdio: 'pipe' });
    execFileSync(
      // Not its pip, whose first line has the path that it is moved away from.
      join(building, 'bin', 'python'),
      [
        ...['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check'],
        `pipecat-ai[${EXTRAS.join()}]==${VERSION}`,
      ],
      { stdio: 'pipe', timeout: 600_000 },
    );
    renameSync(building, FOLDER);
    return undefined;
  } catch (error) {
    return error.code === 'ENOENT'
      ? 'Python 3 is not installed'
      : String(error.stderr ?? error.message).trim();
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const problem = buildPipecat();
  if (problem) console.error(`Pipecat cannot be installed: ${problem}`);
  else console.log(PIPECAT_PYTHON);
  process.exitCode = problem ? 1 : 0;
}
