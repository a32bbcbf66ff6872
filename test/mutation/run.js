// Applies small mutations to the sources, one at a time, in a copy, and asks the tests of the area whether they notice.
// `npm run test:mutation` tries all; `-- --area sessions` those of one area (several are possible); `-- --only "words"` those whose `why` has the
// words; `-- --changed` those whose source or tests differ from `main`, which otherwise come first; `-- --resume` passes over those whose source,
// specs and tests are as they were when they were tried; `-- --list` only says which there are; `-- --json <file>` writes the results.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { areas, mutantsOf, testRuns } from './mutants.js';
import { Scratch } from './scratch.js';

const CACHE = 'node_modules/.cache/test-mutation';

const { values } = parseArgs({
  options: {
    area: { type: 'string', multiple: true, default: areas() },
    only: { type: 'string', default: '' },
    changed: { type: 'boolean', default: false },
    resume: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    json: { type: 'string' },
  },
});
const unknown = values.area.filter((area) => !areas().includes(area));
if (unknown.length > 0) {
  console.error(`There is no area ${unknown.join(', ')}: ${areas().join(', ')}`);
  process.exit(2);
}
const changed = changedFiles();
const all = values.area.flatMap(mutantsOf).map((mutant) => {
  const runs = testRuns(mutant);
  const files = [mutant.file, ...runs.flatMap((run) => run.files)];
  return { mutant, runs, files, isChanged: files.some((file) => changed.has(file)) };
});
const chosen = all
  .filter(({ isChanged }) => isChanged || !values.changed)
  .filter(({ mutant }) => mutant.why.includes(values.only))
  .sort((a, b) => Number(b.isChanged) - Number(a.isChanged));
if (values.list) {
  for (const { mutant } of chosen) console.log(`${mutant.area}: ${mutant.why} (${mutant.file})`);
} else {
  await tryAll();
}

async function tryAll() {
  // Others have the machine first.
  setPriority(5);
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(130));
  const records = new Map(values.area.map((area) => [area, readRecords(area)]));
  let scratch;
  for (const { mutant, runs, files } of chosen) {
    const { area, why, file } = mutant;
    const key = keyOf(mutant, files);
    const ofArea = records.get(area);
    if (!(values.resume && ofArea[why]?.key === key)) {
      scratch ??= new Scratch(process.cwd());
      const startedMs = performance.now();
      const result = await scratch.try(mutant, runs);
      const ms = Math.round(performance.now() - startedMs);
      ofArea[why] = { key, file, ...result, ms };
      writeRecords(area, ofArea);
      const verdict = result.killed ? `killed by "${result.by}"` : 'SURVIVED';
      console.log(`${area}: ${why} (${file}, ${Math.round(ms / 1000)} s): ${verdict}`);
    }
  }
  report(records);
}

function report(records) {
  const results = values.area.flatMap((area) => {
    const tried = chosen.filter(({ mutant }) => mutant.area === area);
    if (tried.length === 0) return [];
    const survivors = tried
      .filter(({ mutant }) => !records.get(area)[mutant.why].killed)
      .map(({ mutant: { why, file } }) => ({ why, file }));
    return { area, mutants: tried.length, killed: tried.length - survivors.length, survivors };
  });
  console.log('');
  for (const { area, mutants, killed, survivors } of results) {
    console.log(`${area}: ${killed} of ${mutants} killed`);
    for (const { why, file } of survivors) console.log(`  survived: ${why} (${file})`);
  }
  if (values.json) writeFileSync(values.json, JSON.stringify(results, undefined, 2));
  process.exitCode = results.some(({ survivors }) => survivors.length > 0) ? 1 : 0;
}

/** Digest of everything that a result depends on, but for what the source imports. */
function keyOf(mutant, files) {
  const hash = createHash('sha256').update(JSON.stringify(mutant));
  for (const file of files) hash.update(readFileSync(file));
  return hash.digest('hex');
}

function readRecords(area) {
  const file = join(CACHE, `${area}.json`);
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
}

function writeRecords(area, ofArea) {
  mkdirSync(CACHE, { recursive: true });
  writeFileSync(join(CACHE, `${area}.json`), JSON.stringify(ofArea, undefined, 2));
}

/** Files that differ from `main`, or are not committed. */
function changedFiles() {
  const git = (...args) => execFileSync('git', args, { encoding: 'utf8' }).trim().split('\n');
  const base = git('merge-base', 'HEAD', 'main')[0];
  return new Set([
    ...git('diff', '--name-only', base),
    ...git('ls-files', '-o', '--exclude-standard'),
  ]);
}
