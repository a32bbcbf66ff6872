// Mutants as data: one file an area, `mutants/<area>.yaml`. CONTRIBUTING.md ("Mutation testing") describes the format.
import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { parse } from 'yaml';

const FOLDER = join(import.meta.dirname, 'mutants');
const FIELDS = ['why', 'file', 'find', 'replace', 'tests'];

export const areas = () =>
  readdirSync(FOLDER)
    .map((file) => basename(file, '.yaml'))
    .sort();

/** Mutants of an area, with the tests that each has beside the specs of its folder. */
export function mutantsOf(area) {
  const { tests: ofAll = [], mutants } = parse(readFileSync(join(FOLDER, `${area}.yaml`), 'utf8'));
  const known = new Set();
  return mutants.map((mutant) => {
    const { why, file, find, replace = '', tests = ofAll } = mutant;
    const unknown = Object.keys(mutant).filter((key) => !FIELDS.includes(key));
    if (!why || !file || !find || unknown.length > 0) {
      throw new Error(
        `A mutant of ${area} has ${Object.keys(mutant).join(', ')}; it needs why, file and find, and may have replace and tests.`,
      );
    }
    if (known.has(why)) throw new Error(`Two mutants of ${area} have the same why: ${why}`);
    known.add(why);
    return { area, why, file, find, replace, tests };
  });
}

/** Source with the mutation. White space counts as one blank. @throws when the text to replace is not there exactly once */
export function mutate(source, { area, why, file, find, replace }) {
  const words = find.trim().split(/\s+/).map(escaped);
  const places = [...source.matchAll(new RegExp(words.join('\\s+'), 'g'))];
  if (places.length !== 1) {
    throw new Error(
      `${places.length} places of ${file} match the mutant "${why}" of ${area}; it needs exactly one:\n${find}`,
    );
  }
  const [{ index, 0: found }] = places;
  const mutated = source.slice(0, index) + replace.trim() + source.slice(index + found.length);
  if (mutated === source) throw new Error(`The mutant "${why}" of ${area} changes nothing.`);
  return mutated;
}

/** Runs of tests for a mutant, quick ones first: the specs of its folder, then each of its tests, then specs of properties. */
export function testRuns({ file, tests }) {
  const folder = dirname(file);
  const specs = readdirSync(folder)
    .filter((name) => name.endsWith('.spec.ts'))
    .map((name) => `${folder}/${name}`);
  const isSlow = (spec) => spec.endsWith('.property.spec.ts');
  const quick = specs.filter((spec) => !isSlow(spec));
  const slow = specs.filter(isSlow).map((spec) => ({ files: [spec] }));
  return [...(quick.length > 0 ? [{ files: quick }] : []), ...tests.map(parseTest), ...slow];
}

/** `path`, or `path -t title`: only the tests whose title matches. */
function parseTest(test) {
  const [path, title] = test.split(' -t ');
  return { files: [path], title: title?.replace(/^'(.*)'$/, '$1') };
}

const escaped = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
