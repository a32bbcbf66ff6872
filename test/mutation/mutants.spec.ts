import { describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { areas, mutantsOf, mutate, testRuns } from './mutants.js';

describe('mutants', () => {
  it.each(areas())('of %s match their sources once, and have tests', (area) => {
    for (const mutant of mutantsOf(area)) {
      expect(mutate(readFileSync(mutant.file, 'utf8'), mutant)).not.toBe('');
      const runs = testRuns(mutant);
      expect(runs.length).toBeGreaterThan(0);
      for (const { files, title = '' } of runs) {
        for (const file of files) expect(readFileSync(file, 'utf8')).toContain(title);
      }
    }
  });

  it.each(readdirSync('test/fuzz/mutants'))(
    'of the fuzz suite apply to their sources: %s',
    (patch) => {
      const apply = (): unknown =>
        execFileSync('git', ['apply', '--check', `test/fuzz/mutants/${patch}`], { stdio: 'pipe' });
      expect(apply).not.toThrow();
    },
  );

  const mutant = { area: 'a', why: 'b', file: 'c.ts', replace: '', tests: [] };

  it('match however the source is wrapped', () => {
    const found = mutate('f(\n  1,\n);', { ...mutant, find: 'f( 1, );', replace: 'g();' });
    expect(found).toBe('g();');
  });

  it.each([
    ['moved on', 'if (c) d();'],
    ['has it twice', 'a(); a();'],
  ])('fail where the source %s', (_how, source) => {
    expect(() => mutate(source, { ...mutant, find: 'a();' })).toThrow(
      'match the mutant "b" of a; it needs exactly one',
    );
  });
});
