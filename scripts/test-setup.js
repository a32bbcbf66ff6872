// Installs what the tests use beside npm's packages on Debian, and says what it did and what cannot be had: `npm run test:setup`.
// Parts that are there already stay as they are. `-- moq-relay` installs what is named, also what takes long.
import { execFileSync } from 'node:child_process';
import { TOOLS } from '../test/support/tools.js';

/** Packages that the builds need, and what fails without them. */
const BUILD_PACKAGES = [
  { command: ['go', 'version'], packages: ['golang-go'] },
  { command: ['python3', '-c', 'import ensurepip, venv'], packages: ['python3', 'python3-venv'] },
];

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !Object.hasOwn(TOOLS, name));
if (unknown.length > 0) {
  console.error(`There is no ${unknown.join(', ')}: ${Object.keys(TOOLS).join(', ')}`);
  process.exit(2);
}
const tools = Object.entries(TOOLS)
  .map(([name, tool]) => ({ name, ...tool }))
  .filter(({ name, takesLong }) => (asked.length > 0 ? asked.includes(name) : !takesLong));
const missing = tools.filter(({ find }) => !find());
const packages = [
  ...missing.flatMap(({ apt }) => apt ?? []),
  ...(missing.some(({ build }) => build) ? missingBuildPackages() : []),
];
const unavailable = install([...new Set(packages)]);

let failed = false;
for (const { name, apt, find, build } of tools) {
  const wasThere = !missing.some((one) => one.name === name);
  const problem = wasThere ? undefined : (build?.() ?? unavailable.get(apt));
  const path = find();
  if (path) console.log(`${name}: ${wasThere ? 'was there' : 'installed'} (${path})`);
  else console.log(`${name}: CANNOT BE HAD${problem ? `: ${problem}` : ''}`);
  failed ||= !path;
}
if (failed) console.log('The tests that need what cannot be had are skipped, and say so.');
process.exitCode = failed ? 1 : 0;

function missingBuildPackages() {
  return BUILD_PACKAGES.flatMap(({ command: [program, ...args], packages: names }) =>
    problemOf(program, args) ? names : [],
  );
}

/** Installs packages of Debian, each for itself, so that one that cannot be had keeps no other away. @returns problems by package */
function install(names) {
  const problems = new Map();
  if (names.length === 0) return problems;
  console.log(`Installing ${names.join(', ')} …`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const asRoot = process.getuid() === 0 ? [] : ['sudo', '--non-interactive', '--preserve-env'];
  const apt = (...args) => {
    const [program, ...rest] = [...asRoot, 'apt-get', ...args];
    return problemOf(program, rest, env);
  };
  const outdated = apt('update', '-qq');
  for (const name of names) {
    const problem = apt('install', '-y', '-qq', '--no-install-recommends', name);
    if (problem) problems.set(name, outdated ?? problem);
  }
  return problems;
}

/** Runs a program. @returns why that failed, or `undefined` */
function problemOf(program, args, env = process.env) {
  try {
    execFileSync(program, args, { stdio: ['ignore', 'ignore', 'pipe'], env });
    return undefined;
  } catch (error) {
    if (error.code === 'ENOENT') return `there is no ${program} here`;
    return String(error.stderr).trim().split('\n').at(-1) || error.message;
  }
}
