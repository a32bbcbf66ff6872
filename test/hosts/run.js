// Puts the packed package into applications as `nest new` makes them, and into one with everything that production hosts have.
// `npm run test:hosts` takes a choice in which each pair of CLI and tool chain occurs; `-- --all` the whole matrix; `-- --only "nest11 npm"`
// the cells whose name contains that; `-- --resume` passes over those that passed before; `-- --json <file>` writes the counts.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ALL, FEW } from './cells.js';
import { CACHE, Passed } from './support/cache.js';

const PARALLEL = 2;

const { values } = parseArgs({
  options: {
    all: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
    resume: { type: 'boolean', default: false },
    json: { type: 'string' },
  },
});
const cells = (values.all ? ALL : FEW).filter(({ name }) => name.includes(values.only));
const { tarball, digest } = pack();
const passed = new Passed(`${digest}-${digestOf('test/hosts')}`);
const results = [];

const queue = [...cells];
await Promise.all(
  Array.from({ length: PARALLEL }, async () => {
    for (let cell = queue.shift(); cell; cell = queue.shift()) await runCell(cell);
  }),
);
report();

async function runCell(cell) {
  const { name } = cell;
  const earlier = values.resume ? passed.cells[`${name} ${values.all}`] : undefined;
  if (earlier) {
    results.push(...earlier.map((step) => ({ ...step, from: 'earlier' })));
    return;
  }
  const steps = [];
  /** Steps that everything after them needs. */
  const must = async (title, action) => {
    const startedMs = performance.now();
    const result = { cell: name, title, passed: false };
    steps.push(result);
    try {
      const value = await action();
      result.passed = true;
      return value;
    } catch (error) {
      result.error = error instanceof Error ? error.message : String(error);
      throw error;
    } finally {
      result.seconds = (performance.now() - startedMs) / 1_000;
      console.log(line(result));
    }
  };
  const step = (title, action) => must(title, action).catch(() => undefined);
  try {
    await cell.check(cell, { must, step, tarball });
    if (steps.every((one) => one.passed)) passed.add(`${name} ${values.all}`, steps);
  } catch (error) {
    // Anything but a step that failed, which is known already.
    if (steps.every((one) => one.passed)) {
      steps.push({
        cell: name,
        title: 'is checked',
        passed: false,
        error: String(error.stack),
        seconds: 0,
      });
    }
  }
  results.push(...steps);
}

function line({ cell, title, passed, seconds }) {
  return `${passed ? '✓' : '✗'} ${cell.padEnd(28)} ${title} (${seconds.toFixed(1)} s)`;
}

function report() {
  console.log('\n| cell | passed | failed | seconds |\n| --- | --- | --- | --- |');
  for (const { name } of cells) {
    const own = results.filter(({ cell }) => cell === name);
    const good = own.filter((step) => step.passed).length;
    const seconds = own.reduce((sum, step) => sum + step.seconds, 0);
    const from = own[0]?.from ? ' (earlier)' : '';
    console.log(`| ${name}${from} | ${good} | ${own.length - good} | ${seconds.toFixed(0)} |`);
  }
  const failures = results.filter((step) => !step.passed);
  for (const failure of failures)
    console.log(`\n✗ ${failure.cell}: ${failure.title}\n${failure.error}`);
  const counts = { passed: results.length - failures.length, failed: failures.length };
  // A choice that names no cell is a mistake, not a success.
  if (cells.length === 0) counts.failed++;
  console.log(`\n${counts.passed} passed, ${counts.failed} failed`);
  if (values.json) writeFileSync(values.json, JSON.stringify(counts));
  process.exitCode = counts.failed > 0 ? 1 : 0;
}

/** The built package, under a name that changes with it: Yarn would take an older one of the same name from its cache. */
function pack() {
  const folder = join(CACHE, 'packages');
  mkdirSync(folder, { recursive: true });
  const packed = mkdtempSync(join(folder, 'packed-'));
  const answer = execFileSync(
    'npm',
    ['pack', '--ignore-scripts', '--json', '--pack-destination', packed],
    { encoding: 'utf8' },
  );
  const [{ filename, shasum }] = JSON.parse(answer);
  const path = join(folder, `nestjs-pipecat-runner-${shasum}.tgz`);
  renameSync(join(packed, filename), path);
  rmSync(packed, { recursive: true });
  return { tarball: path, digest: shasum };
}

function digestOf(folder) {
  const hash = createHash('sha256');
  for (const file of readdirSync(folder, { recursive: true }).sort()) {
    const path = join(folder, file);
    if (statSync(path).isFile()) hash.update(`${file}\n`).update(readFileSync(path));
  }
  return hash.digest('hex');
}
