// Runs everything there is, piece by piece, and writes docs/evidence.md. What has passed at this commit is not run again: a run that was
// interrupted goes on where it stopped. `npm run test:all`, or `npm run test:all -- hosts faults` for some of the pieces.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { markdownTable, summary } from '../test/scaffolds/markdown.js';

const CACHE = 'node_modules/.cache/test-all';
const EVIDENCE = 'docs/evidence.md';

/** Pieces by name: the command, and how many passed according to the file of results that it wrote. */
const PIECES = {
  lint: { command: ['npm', 'run', 'lint'] },
  typecheck: { command: ['npm', 'run', 'typecheck'] },
  package: { command: ['npm', 'run', 'check:package'] },
  suite: {
    command: (file) => ['npm', 'test', '--', '--ci', '--json', `--outputFile=${file}`],
    count: (results) => countsOf(results),
  },
  'moq-relay': {
    command: (file) => ['npm', 'run', 'test:moq-relay', '--', '--json', `--outputFile=${file}`],
    count: (results) => countsOf(results),
  },
  faults: { command: ['npm', 'run', 'test:faults'] },
  fleet: {
    command: (file) => ['npm', 'run', 'test:fleet', '--', '--json', file],
    count: (rows) => `${rows.filter(({ held }) => held).length} of ${rows.length} rows held`,
  },
  fuzz: { command: ['npm', 'run', 'test:fuzz', '--', '--resume'] },
  soak: {
    command: (file) => ['npm', 'run', 'test:soak', '--', '--minutes', '10', '--json', file],
    count: ({ sessions, problems }) => `${sessions} sessions, ${problems.length} problems`,
  },
  api: { command: ['npm', 'run', 'test:api'] },
  hosts: {
    command: (file) => ['npm', 'run', 'test:hosts', '--', '--all', '--resume', '--json', file],
    count: ({ passed, failed }) => counts(passed, failed, 0),
  },
  mutation: {
    command: (file) => ['npm', 'run', 'test:mutation', '--', '--resume', '--json', file],
    count: (areas) =>
      areas
        .map(({ area, killed, mutants }) => `${area}: ${killed} of ${mutants} mutants killed`)
        .join('; '),
  },
  scaffolds: {
    command: (file) => ['npm', 'run', 'test:scaffolds', '--', '--json', file],
    count: summary,
    details: (rows) => [
      "## Bots under this runner and under Pipecat's own",
      '',
      'Projects as `pipecat init` generates them and public example bots, unedited, with stand-ins for the cloud services: a conversation *works* when the bot greets, its services hear the caller, the caller hears the answer, and the bot ends when the caller leaves. *Joins*: the bot joins its room of Daily, which is not there. [How it is done](compatibility.md#bots-of-pipecat).',
      '',
      summary(rows),
      '',
      markdownTable(rows),
      '',
    ],
  },
};

const countsOf = ({ numPassedTests, numFailedTests, numPendingTests }) =>
  counts(numPassedTests, numFailedTests, numPendingTests);

const counts = (passed, failed, skipped) =>
  `${passed} passed, ${failed} failed, ${skipped} skipped`;

const git = (...args) => execFileSync('git', args, { encoding: 'utf8' }).trim();
/** Changes that are in no commit; what passed with them is run again. */
const hasChanges = git('status', '--porcelain', '--', '.', `:!${EVIDENCE}`) !== '';
const commit = git('rev-parse', '--short', 'HEAD') + (hasChanges ? ' and changes' : '');
const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !Object.hasOwn(PIECES, name));
if (unknown.length > 0) {
  console.error(`There is no ${unknown.join(', ')}: ${Object.keys(PIECES).join(', ')}`);
  process.exit(2);
}
mkdirSync(CACHE, { recursive: true });

let failed = false;
for (const [name, piece] of Object.entries(PIECES)) {
  if (asked.length > 0 && !asked.includes(name)) continue;
  const record = join(CACHE, `${name}.json`);
  const before = existsSync(record) ? JSON.parse(readFileSync(record, 'utf8')) : undefined;
  if (before?.commit === commit && before.passed && !hasChanges) continue;
  const result = run(name, piece);
  writeFileSync(record, JSON.stringify(result));
  failed ||= !result.passed;
}
const style = await resolveConfig(EVIDENCE);
writeFileSync(EVIDENCE, await format(evidence(), { ...style, filepath: EVIDENCE }));
process.exitCode = failed ? 1 : 0;

function run(name, { command, count, details }) {
  const file = join(CACHE, `${name}.results.json`);
  rmSync(file, { force: true });
  const [program, ...args] = typeof command === 'function' ? command(file) : command;
  console.log(`\n=== ${name}: ${[program, ...args].join(' ')}`);
  const startedMs = Date.now();
  // With every combination of a matrix.
  const env = { ...process.env, ALL: '1' };
  const { status } = spawnSync(program, args, { stdio: 'inherit', env });
  return {
    name,
    commit,
    date: new Date(startedMs).toISOString().slice(0, 16).replace('T', ' '),
    minutes: Math.round((Date.now() - startedMs) / 6_000) / 10,
    passed: status === 0,
    ...resultsOf(file, count, details),
  };
}

function resultsOf(file, count, details) {
  if (!count || !existsSync(file)) return { counts: '' };
  const results = JSON.parse(readFileSync(file, 'utf8'));
  return { counts: count(results), details: details?.(results) };
}

/** Results of pieces that were not run here stay as they are told already. */
function evidence() {
  const told = existsSync(EVIDENCE) ? readFileSync(EVIDENCE, 'utf8').split('\n') : [];
  const records = new Map(
    Object.keys(PIECES).flatMap((name) => {
      const record = join(CACHE, `${name}.json`);
      return existsSync(record) ? [[name, JSON.parse(readFileSync(record, 'utf8'))]] : [];
    }),
  );
  const lines = Object.keys(PIECES).flatMap((name) => {
    if (!records.has(name)) return told.filter((line) => line.startsWith(`| ${name} `));
    const { date, commit: at, minutes, passed, counts: tests } = records.get(name);
    return `| ${name} | ${passed ? 'passed' : 'FAILED'} | ${tests} | ${minutes} min | ${date} UTC | \`${at}\` |`;
  });
  const sections = [...records.values()].flatMap(({ details = [] }) => details);
  const atSection = told.findIndex((line) => line.startsWith('## '));
  return [
    '# Evidence',
    '',
    'The last results of `npm run test:all`, the complete tests in pieces. Written by that command.',
    '',
    '| piece | result | tests | time | date | commit |',
    '| --- | --- | --- | --- | --- | --- |',
    ...lines,
    '',
    ...(sections.length > 0 || atSection < 0 ? sections : told.slice(atSection)),
  ].join('\n');
}
