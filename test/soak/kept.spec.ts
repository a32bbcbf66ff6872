import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { type Kept, keptBetween } from './kept.js';

let folder: string;
afterEach(() => rmSync(folder, { recursive: true }));

/** Returns what a process keeps that does something a thousand times, after it has done it as often before. */
function keptBy(statement: string): Kept {
  folder = mkdtempSync(join(tmpdir(), 'kept-'));
  const files = ['before', 'after'].map((name) => join(folder, `${name}.heapsnapshot`));
  const program = `
    const list = [];
    const set = new Set();
    class Call { constructor(n) { this.n = n; } }
    const work = () => { for (let i = 0; i < 1_000; i++) { ${statement} } };
    for (const file of ${JSON.stringify(files)}) {
      work();
      globalThis.gc();
      require('node:v8').writeHeapSnapshot(file);
    }`;
  execFileSync(process.execPath, ['--expose-gc', '-e', program]);
  return keptBetween(files[0]!, files[1]!, 1_000);
}

describe('what is kept between two heap snapshots', () => {
  it('is nearly nothing where what was made is let go, or takes the place of others', () => {
    const { bytes } = keptBy('list.push(new Call({})); if (list.length > 20) list.shift();');
    expect(bytes).toBeLessThan(20_000);
  });

  it('has each object of a class', () => {
    const { bytes, most } = keptBy('list.push(new Call({}));');
    expect(bytes).toBeGreaterThan(1_000 * 60);
    expect(most.map(([name]) => name)).toContain('object Call');
  });

  it('has strings, though sources of code go at the same time', () => {
    const { bytes, most } = keptBy('set.add(require("node:crypto").randomUUID());');
    expect(bytes).toBeGreaterThan(1_000 * 48);
    expect(most.map(([name]) => name)).toContain('string');
  });

  it('does not have code that is compiled meanwhile', () => {
    const { bytes } = keptBy(
      'if (list.length < 1_000) list.push(new Function("a", `return [a].map((b) => b + ${i})`)); else list[i](1);',
    );
    expect(bytes).toBeLessThan(20_000);
  });
});
