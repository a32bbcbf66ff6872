// Installs Pipecat into a virtual environment, once per machine: `node test/support/build-pipecat.js`.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** The pinned version of the reference. */
export const PIPECAT_VERSION = '1.14.0';

/** The folder of what tests download or build, once per machine. */
export const TEST_CACHE = join(
  process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'),
  'nestjs-pipecat-runner',
);

/** The Python with what the tests of `npm test` need; `PIPECAT_PYTHON` names another one. */
const SUITE = environment(['runner', 'websocket', 'livekit', 'webrtc', 'moq']);
export const PIPECAT_PYTHON = process.env.PIPECAT_PYTHON ?? SUITE.python;

/** The environment of scaffolds and example bots: with `pipecat init`, every transport it offers and the services they use. */
export const SCAFFOLDS = environment(
  ['websocket', 'livekit', 'webrtc', 'daily', 'runner', 'deepgram', 'cartesia', 'openai'],
  'scaffolds',
  // Those of the extra `cli` that `pipecat init` uses, and one that a template imports.
  ['typer>=0.20,<1', 'rich>=13,<14', 'jinja2>=3.1,<4', 'questionary>=2,<3', 'ruff', 'twilio'],
);

function environment(extras, name = extras.join('-'), packages = []) {
  const folder = join(TEST_CACHE, ['pipecat', PIPECAT_VERSION, name].join('-'));
  return {
    folder,
    python: join(folder, 'bin', 'python'),
    packages: [`pipecat-ai[${extras.join()}]==${PIPECAT_VERSION}`, ...packages],
  };
}

/** Installs an environment unless it is there. @returns why that was not possible, if it was not */
export function buildPipecat({ folder, packages, python } = { ...SUITE, python: PIPECAT_PYTHON }) {
  if (existsSync(python)) return undefined;
  const building = `${folder}.building`;
  try {
    console.log(`Installing pipecat-ai ${PIPECAT_VERSION}, once; it takes a minute …`);
    mkdirSync(dirname(folder), { recursive: true });
    rmSync(building, { recursive: true, force: true });
    execFileSync('python3', ['-m', 'venv', building], { stdio: 'pipe' });
    execFileSync(
      // Not its pip, whose first line has the path that it is moved away from.
      join(building, 'bin', 'python'),
      ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...packages],
      { stdio: 'pipe', timeout: 600_000 },
    );
    renameSync(building, folder);
    return undefined;
  } catch (error) {
    return error.code === 'ENOENT'
      ? 'Python 3 is not installed'
      : String(error.stderr ?? error.message).trim();
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const isForScaffolds = process.argv.includes('--scaffolds');
  const problem = buildPipecat(isForScaffolds ? SCAFFOLDS : undefined);
  if (problem) console.error(`Pipecat cannot be installed: ${problem}`);
  else console.log(isForScaffolds ? SCAFFOLDS.python : PIPECAT_PYTHON);
  process.exitCode = problem ? 1 : 0;
}
