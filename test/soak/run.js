// Soak test of the built package: calls of all kinds for a while, and whether they leave anything behind.
// `npm run test:soak -- --minutes 10 --calls 12`, with `--only <words of a kind or an end>`, `--seed`, `--json <file>` and `--plot <file>.svg`. docs/operations.md has the plot of a run.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    calls: { type: 'string', default: '12' },
    only: { type: 'string', default: '' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
    json: { type: 'string', default: 'node_modules/.cache/soak.json' },
    plot: { type: 'string', default: 'node_modules/.cache/soak.svg' },
  },
});
for (const [name, least] of Object.entries({ minutes: 0.1, calls: 2 })) {
  if (!(Number(values[name]) >= least)) {
    console.error(`--${name} takes a number, at least ${least}`);
    process.exit(2);
  }
}

const commit = execFileSync('git', ['describe', '--always', '--dirty'], {
  encoding: 'utf8',
}).trim();
const about = [
  `${new Date().toISOString().slice(0, 10)}, commit ${commit}`,
  `Node ${process.versions.node}, ${cpus().length} shared cores`,
  `${values.minutes} min, ${values.calls} calls at once`,
].join('; ');

mkdirSync('node_modules/.cache', { recursive: true });
rmSync(values.json, { force: true });
const { status } = spawnSync('npm', ['test', '--', '--ci', '--selectProjects', 'soak'], {
  stdio: 'inherit',
  env: {
    ...process.env,
    SOAK: '1',
    SOAK_MINUTES: values.minutes,
    SOAK_CALLS: values.calls,
    SOAK_ONLY: values.only,
    SOAK_SEED: values.seed,
    SOAK_JSON: values.json,
    SOAK_PLOT: values.plot,
    SOAK_ABOUT: about,
  },
});
console.log(
  existsSync(values.json)
    ? verdict(JSON.parse(readFileSync(values.json, 'utf8')))
    : 'SOAK FAILED: it did not finish',
);
process.exitCode = status ?? 1;

/** The outcome in one line. */
function verdict({
  problems,
  missing,
  gaveUp,
  sessions,
  minutes,
  heapGrowth,
  kept,
  lagP99Ms,
  seed,
}) {
  const heap = heapGrowth
    ? `${(kept.bytes / kept.sessions).toFixed(0)} bytes kept of each of ${kept.sessions} sessions in the second half, in which the heap at rest grew by ${(100 * heapGrowth.share).toFixed(2)} %`
    : 'too short to judge the heap';
  return `SOAK ${problems.length === 0 ? 'PASSED' : `FAILED (${problems.length} problems)`}: ${sessions} sessions in ${minutes} min, ${heap}, ${gaveUp} WebRTC clients gave up, lag p99 at most ${lagP99Ms.toFixed(0)} ms, seed ${seed}${missing.length > 0 ? `; no calls that need ${missing.join(', ')} (npm run test:setup)` : ''}`;
}
