import { execFileSync } from 'node:child_process';
import { it } from '@jest/globals';

it('docs/options.md is what npm run docs:options writes', () => {
  execFileSync(process.execPath, ['scripts/options-docs.js', '--check'], { stdio: 'pipe' });
});
