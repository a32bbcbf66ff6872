import { describe, expect, it } from '@jest/globals';
import { optionalPackage } from './optional-package.js';

describe('optionalPackage', () => {
  it('says how to install what is missing', async () => {
    const missing = Object.assign(new Error('Cannot find it'), { code: 'ERR_MODULE_NOT_FOUND' });
    const load = optionalPackage('prom-client', 'MetricsModule', () => Promise.reject(missing));
    await expect(load).rejects.toThrow('MetricsModule needs prom-client: npm install prom-client');
  });

  it('passes on what it loads, and what else goes wrong', async () => {
    const loaded = { some: 'module' };
    expect(await optionalPackage('a', 'b', () => Promise.resolve(loaded))).toBe(loaded);
    const broken = new SyntaxError('it is broken');
    await expect(optionalPackage('a', 'b', () => Promise.reject(broken))).rejects.toBe(broken);
  });
});
