import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

const REPORTER = join(process.cwd(), 'test/support/skip-reporter.js');
const JEST = join(process.cwd(), 'node_modules/jest/bin/jest.js');

const SUITE = `
describe('a phone [needs baresip, phone bridge]', () => {
  it.skip('rings', () => undefined);
  it.skip('is answered', () => undefined);
});
describe('a disk', () => {
  it.skip('is full [needs the right to mount]', () => undefined);
  it.skip('is empty', () => undefined);
  it('turns', () => undefined);
});
`;
const SKIPS = [
  'skips.test.js: a phone (2 tests): needs baresip, phone bridge',
  'skips.test.js: is full (1 test): needs the right to mount',
  'skips.test.js: a disk is empty (1 test): says nothing of what it needs',
];

let rootDir: string;
beforeAll(() => {
  rootDir = mkdtempSync(join(tmpdir(), 'skips-'));
  writeFileSync(join(rootDir, 'skips.test.js'), SUITE);
  writeFileSync(join(rootDir, 'all.test.js'), "it('runs', () => undefined);");
  const config = { rootDir, testMatch: ['**/*.test.js'], reporters: [REPORTER], transform: {} };
  writeFileSync(join(rootDir, 'jest.config.json'), JSON.stringify(config));
});
afterAll(() => rmSync(rootDir, { recursive: true }));

/** A run of Jest with the reporter alone. */
function run(file: string, SKIPS_FAIL = '', ...args: string[]) {
  const config = join(rootDir, 'jest.config.json');
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    [JEST, '--config', config, '--runInBand', file, ...args],
    { env: { ...process.env, SKIPS_FAIL }, encoding: 'utf8', cwd: rootDir },
  );
  return { output: stdout + stderr, status };
}

describe('the reporter of skipped tests', () => {
  it('ends a run with each test that was skipped, what it needs and how that is installed', () => {
    const { output, status } = run('skips.test.js');
    for (const line of SKIPS) expect(output).toContain(line);
    expect(output).toContain('`npm run test:setup` installs what is missing.');
    expect(status).toBe(0);
  });

  it('fails the run where skipping is a failure', () => {
    const { output, status } = run('skips.test.js', '1');
    expect(output).toContain(SKIPS[0]);
    expect(output).toContain('WHICH IS A FAILURE HERE');
    expect(status).toBe(1);
  });

  it('says nothing where nothing was skipped, or others than those that were asked for', () => {
    for (const { output, status } of [
      run('all.test.js', '1'),
      run('skips.test.js', '1', '-t', 'turns'),
    ]) {
      expect(output).not.toContain('SKIPPED');
      expect(status).toBe(0);
    }
  });
});
