import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';

const run = promisify(execFile);

describe.each([
  'nestjs-pipecat-runner',
  'nestjs-pipecat-runner/bot',
  'nestjs-pipecat-runner/testing',
])('%s, as the first package that a process loads,', (entry) => {
  it.each([
    ['require', `require('${entry}')`],
    ['import', `import('${entry}')`],
  ])('loads with %s', async (_, code) => {
    await expect(run(process.execPath, ['-e', code])).resolves.toEqual({ stdout: '', stderr: '' });
  });
});
