import { describe, expect, it } from '@jest/globals';
import { neededPackage, optionalPackage, packageFile, requiredPackage } from './packages.js';
import { readFileSync } from 'node:fs';

const missing = (): Promise<never> =>
  Promise.reject(Object.assign(new Error('Cannot find it'), { code: 'ERR_MODULE_NOT_FOUND' }));

describe('optionalPackage', () => {
  it('is nothing where it is not installed', async () => {
    expect(await optionalPackage('some', missing)).toBeUndefined();
  });

  it('passes on what it loads, and what else goes wrong', async () => {
    const loaded = { some: 'module' };
    expect(await optionalPackage('some', () => Promise.resolve(loaded))).toBe(loaded);
    const broken = new SyntaxError('it is broken');
    await expect(optionalPackage('some', () => Promise.reject(broken))).rejects.toBe(broken);
  });

  it('is required where import() is refused, as in Jest without --experimental-vm-modules', async () => {
    const refused = (): Promise<unknown> =>
      Promise.reject(
        Object.assign(new TypeError('A dynamic import callback was invoked without a flag'), {
          code: 'ERR_VM_DYNAMIC_IMPORT_CALLBACK_MISSING_FLAG',
        }),
      );
    expect(await optionalPackage('prom-client', refused)).toHaveProperty('Registry');
    expect(await optionalPackage('not-installed', refused)).toBeUndefined();
  });
});

it('neededPackage says how to install what is missing', async () => {
  await expect(neededPackage('prom-client', 'MetricsModule', missing)).rejects.toThrow(
    'MetricsModule needs prom-client: npm install prom-client',
  );
});

it('requiredPackage is nothing where nobody has required it', () => {
  expect(requiredPackage('publint')).toBeUndefined();
  expect(requiredPackage('not-installed')).toBeUndefined();
});

it('packageFile finds files from the root of the package', () => {
  const manifest = JSON.parse(readFileSync(packageFile('package.json'), 'utf8')) as unknown;
  expect(manifest).toMatchObject({ name: 'nestjs-pipecat-runner' });
});
