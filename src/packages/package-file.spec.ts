import { readFileSync } from 'node:fs';
import { expect, it } from '@jest/globals';
import { packageFile } from './package-file.js';

it('packageFile finds files from the root of the package', () => {
  const manifest = JSON.parse(readFileSync(packageFile('package.json'), 'utf8')) as unknown;
  expect(manifest).toMatchObject({ name: 'nestjs-pipecat-runner' });
});
