// Runs the bots that `pipecat init` generates, and public example bots, under our runner and under Pipecat's own, and prints the table
// bot x transport: `npm run test:scaffolds`, with `--pairwise` a choice in which each transport and each template is there, with
// `--only <regular expression>` the bots of such names, with `--way` those ways to them. PIPECAT_CLONE names a clone of pipecat-ai/pipecat with the example bots.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { buildPipecat, SCAFFOLDS } from '../support/build-pipecat.js';
import { markdownTable, summary } from './markdown.js';

const { values } = parseArgs({
  options: {
    pairwise: { type: 'boolean' },
    only: { type: 'string' },
    way: { type: 'string' },
    json: { type: 'string' },
  },
});
const results = values.json ?? 'node_modules/.cache/scaffolds.json';

const problem = buildPipecat(SCAFFOLDS);
if (problem) {
  console.error(`*** SCAFFOLDS ARE SKIPPED: ${problem} ***`);
  process.exit(1);
}
mkdirSync('node_modules/.cache', { recursive: true });
rmSync(results, { force: true });
const { status } = spawnSync('npm', ['test', '--', '--ci', '--selectProjects', 'scaffolds'], {
  stdio: 'inherit',
  env: {
    ...process.env,
    SCAFFOLDS: '1',
    SCAFFOLDS_PYTHON: SCAFFOLDS.python,
    SCAFFOLDS_RESULTS: results,
    ...(values.only && { SCAFFOLDS_ONLY: values.only }),
    ...(values.way && { SCAFFOLDS_WAY: values.way }),
    ...(values.pairwise && { SCAFFOLDS_PAIRWISE: '1' }),
  },
});
if (existsSync(results)) {
  const rows = JSON.parse(readFileSync(results, 'utf8'));
  console.log(`\n${markdownTable(rows)}\n\n${summary(rows)}`);
}
process.exitCode = status ?? 1;
