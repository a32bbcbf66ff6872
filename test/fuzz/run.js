// Sends the runner what no client would: `npm run test:fuzz -- [--target http] [--seconds 30] [--seed 1] [--resume] [--mutants]`.
// Each target gets the seconds; the same seed sends the same again. `--resume` passes over targets that passed before; `--mutants` puts known
// faults in, and says which are found. CONTRIBUTING.md has how to read a finding and how to add a target.
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
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    resume: { type: 'boolean', default: false },
    mutants: { type: 'boolean', default: false },
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
const seconds = Number(values.seconds);
const seed = Number(values.seed);
if (!(seconds > 0) || !Number.isInteger(seed)) {
  throw new Error('--seconds takes a number above 0, and --seed a whole number');
}

const isGood = values.mutants
  ? await runMutants(targets, { seed })
  : await runTargets(targets, new Passed());
process.exitCode = isGood ? 0 : 1;

async function runTargets(chosen, passed) {
  let findings = 0;
  for (const target of chosen) {
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
