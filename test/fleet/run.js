// Faults of a fleet on a real Redis, row by row: `npm run test:fleet`. `-- --row kill --row cut` tries some of them, `--list` shows them, `--sessions`
// and `--seed` change their size and their chance, `--minutes` how long the row `idle` lasts, `--json <file>` writes the figures. `--short` is the form for
// CI. `--server valkey-server`, or the path of another one, tries it instead of Debian's redis-server. `--old <folder>`, a clone of another version with its build, adds rows
// with nodes of it.
import { execFileSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { TOOLS } from '../support/tools.js';
import { NODE_ROWS } from './node-rows.js';
import { REDIS_ROWS } from './redis-rows.js';
import { SERVER_ROWS } from './server-rows.js';
import { randomOf, World } from './world.js';

const ROWS = { ...NODE_ROWS, ...REDIS_ROWS, ...SERVER_ROWS };
const ROW_TIMEOUT_MS = 240_000;
/** Those of `--short`: what faults there are of each kind, in a minute. */
const SHORT = ['none', 'claimers', 'kill', 'redis-empty', 'answers'];

const { values } = parseArgs({
  options: {
    row: { type: 'string', multiple: true },
    sessions: { type: 'string' },
    minutes: { type: 'string', default: '0.25' },
    seed: { type: 'string', default: '1' },
    short: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    json: { type: 'string' },
    old: { type: 'string' },
    server: { type: 'string', default: 'redis-server' },
  },
});
const all = Object.keys(ROWS).filter((name) => !ROWS[name].needs || values[ROWS[name].needs]);
const names = values.row ?? (values.short ? SHORT : all);
const unknown = names.filter((name) => !Object.hasOwn(ROWS, name));
if (unknown.length > 0) fail(`There is no ${unknown.join(', ')}: ${Object.keys(ROWS).join(', ')}`);
const needy = names.filter((name) => !all.includes(name));
if (needy.length > 0) fail(`${needy.join(', ')} need(s) --old`);
if (values.list) {
  for (const [name, { title }] of Object.entries(ROWS)) console.log(`${name}: ${title}`);
  process.exit();
}
const server = TOOLS[values.server]?.find() ?? values.server;
if (!existsSync(server)) fail(`${values.server} is not installed: npm run test:setup`);
process.env.REDIS_SERVER = server;
const version = execFileSync(server, ['--version'], { encoding: 'utf8' });

const sessions = Number(values.sessions ?? (values.short ? 200 : 1_000));
const seed = Number(values.seed);
console.log(
  `${names.length} rows with ${sessions} sessions each, seed ${seed}, on ${version.trim()}`,
);
const results = [];
for (const name of names) results.push(await runRow(name));
if (values.json) writeFileSync(values.json, JSON.stringify(results, null, 2));
const failed = results.filter(({ held }) => !held).map(({ name }) => name);
console.log(
  failed.length > 0
    ? `${failed.length} of ${results.length} rows did not hold: ${failed.join(', ')}`
    : `${results.length} rows held`,
);
process.exit(failed.length > 0 ? 1 : 0);

async function runRow(name) {
  const { title, world: optionsOf, run } = ROWS[name];
  const settings = { sessions, old: values.old, seconds: 60 * Number(values.minutes) };
  const begunMs = performance.now();
  const world = await World.start(randomOf(seed), optionsOf?.(settings));
  const result = { name, title, held: true };
  let timer;
  try {
    const late = new Promise((_, reject) => {
      timer = setTimeout(
        () => reject(new Error('the row takes too long')),
        ROW_TIMEOUT_MS + settings.seconds * 1_000,
      );
    });
    result.figures = await Promise.race([run(world, settings), late]);
  } catch (error) {
    result.held = false;
    result.problem = error.stack;
  } finally {
    clearTimeout(timer);
    await world.stop();
  }
  result.seconds = Math.round((performance.now() - begunMs) / 100) / 10;
  const facts = Object.entries(result.figures ?? {}).map(([fact, value]) => `${fact} ${value}`);
  console.log(`${result.held ? '✓' : '✗'} ${name}: ${title} (${result.seconds} s)`);
  console.log(`    ${result.problem ?? facts.join(', ')}`);
  return result;
}

function fail(problem) {
  console.error(problem);
  process.exit(2);
}
