import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';

/** `file: _test_; _test_` of SECURITY.md. */
const NAMED = [...readFileSync('SECURITY.md', 'utf8').matchAll(/^- `([^`]+)`: (.+)$/gm)].flatMap(
  ([, file, tests]) =>
    [...tests!.matchAll(/_(.+?)_(?=;|$)/g)].map(([, name]) => [file!, name!] as const),
);

describe('SECURITY.md', () => {
  it('names tests for every threat', () => {
    const threats = readFileSync('SECURITY.md', 'utf8').split('\n### ').slice(1);
    expect(threats.length).toBeGreaterThan(10);
    expect(threats.filter((threat) => !/^- `[^`]+\.(e2e-)?spec\.ts`: _/m.test(threat))).toEqual([]);
  });

  it.each(NAMED)('%s has: %s', (file, name) => {
    const source = readFileSync(file, 'utf8');
    expect(["'", '"', '`'].filter((quote) => source.includes(quote + name + quote))).not.toEqual(
      [],
    );
  });
});

describe('the packages that this one brings', () => {
  it('run no script when they are installed', () => {
    const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
      packages: Record<string, Record<string, unknown>>;
    };
    const brought = Object.entries(packages).filter(
      ([path, { dev, devOptional, peer }]) => path !== '' && !dev && !devOptional && !peer,
    );
    expect(brought.length).toBeGreaterThan(3);
    expect(brought.filter(([, { hasInstallScript }]) => hasInstallScript)).toEqual([]);
  });
});
