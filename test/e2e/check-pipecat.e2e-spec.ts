import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it, jest } from '@jest/globals';
import { describeWith } from '../support/needs.js';

jest.setTimeout(120_000);

interface Recorded {
  readonly facts: Record<string, Record<string, string>>;
}

/** A registry is needed for it, as for Pipecat itself. */
describeWith('Pipecat')('check:pipecat --pinned', () => {
  const folder = mkdtempSync(join(tmpdir(), 'record-'));
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('names what is new and what is gone, with file and line, and exits with 1', () => {
    const text = readFileSync('test/pipecat-record.json', 'utf8');
    const { facts } = JSON.parse(text) as Recorded;
    delete facts.routes!['POST /start'];
    facts.flags!['--retired'] = 'pipecat/runner/run.py:7';
    const record = join(folder, 'record.json');
    writeFileSync(record, JSON.stringify({ ...(JSON.parse(text) as object), facts }));
    const args = ['scripts/check-pipecat.js', '--pinned', '--record', record];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    expect({ status, stderr }).toEqual({ status: 1, stderr: '' });
    expect(stdout.split('\n').slice(2, -1)).toEqual([
      'gone  flags: --retired  (pipecat/runner/run.py:7)',
      expect.stringMatching(/^new {3}routes: POST \/start {2}\(pipecat\/runner\/run\.py:\d+\)$/),
    ]);
  });
});
