// Sends the runner what no client would: `npm run test:fuzz -- [--target http] [--seconds 30] [--total 90] [--seed 1] [--resume] [--mutants]`.
// Each target gets the seconds, or its share of the total; the same seed sends the same again. `--resume` passes over targets that passed before; `--mutants` puts known
// faults in, and says which are found; `--only offer` takes those whose name contains that. CONTRIBUTING.md has how to read a finding and how to add a target.
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Fuzzer } from './support/fuzzer.js';
import { runMutants } from './support/mutants.js';
import { Passed } from './support/passed.js';

const { values } = parseArgs({
  options: {
    target: { type: 'string', multiple: true },
    seconds: { type: 'string', default: '30' },
    total: { type: 'string' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    resume: { type: 'boolean', default: false },
    mutants: { type: 'boolean', default: false },
    only: { type: 'string' },
  },
});

const folder = new URL('targets/', import.meta.url);
const files = readdirSync(fileURLToPath(folder)).filter((file) => file.endsWith('.js'));
const all = await Promise.all(
  files.sort().map(async (file) => (await import(new URL(file, folder))).default),
);
const targets = all.filter(({ name }) => values.target?.includes(name) ?? true);
const unknown = values.target?.filter((name) => !all.some((target) => target.name === name)) ?? [];
if (unknown.length > 0) {
  throw new Error(
    `no target is named ${unknown.join(', ')}; there are ${all.map(({ name }) => name).join(', ')}`,
  );
}
/** Time to start and end the runner of a target, in seconds. */
const AROUND_SECONDS = 3;
const secondsEach = Number(values.seconds);
const seed = Number(values.seed);
if (!(secondsEach > 0) || !(Number(values.total ?? 1) > 0) || !Number.isInteger(seed)) {
  throw new Error('--seconds and --total take a number above 0, and --seed a whole number');
}

const isGood = values.mutants
  ? await runMutants(targets, { seed, only: values.only })
  : await runTargets(targets, new Passed());
process.exitCode = isGood ? 0 : 1;

async function runTargets(chosen, passed) {
  let findings = 0;
  const endMs = performance.now() + Number(values.total) * 1_000;
  for (const [i, target] of chosen.entries()) {
    const leftSeconds = (endMs - performance.now()) / 1_000 / (chosen.length - i);
    const seconds = values.total ? Math.max(1, leftSeconds - AROUND_SECONDS) : secondsEach;
    if (values.resume && passed.has(target.name, seconds)) {
      console.log(`✓ ${target.name} (earlier)`);
      continue;
    }
    const fuzzer = new Fuzzer(target, { seed });
    const branches = await fuzzer.run(seconds);
    findings += fuzzer.findings.length;
    const mark = fuzzer.findings.length === 0 ? '✓' : '✗';
    console.log(
      `${mark} ${target.name}: ${fuzzer.iterations} inputs, ${fuzzer.findings.length} findings, seed ${seed}`,
    );
    for (const { path, reached, total, lines } of branches) {
      const share = `${reached}/${total}`.padStart(8);
      const missed = lines.length > 0 ? `  missed at lines ${lines.join(', ')}` : '';
      console.log(`  ${share} branches of ${path}${missed}`);
    }
    if (fuzzer.findings.length === 0) passed.add(target.name, seconds);
  }
  return findings === 0;
}
