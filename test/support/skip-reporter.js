// Jest's reporter that ends a run by naming every test it has skipped, and the command that installs what is missing.
// With SKIPS_FAIL in the environment a skipped test is a failure: .ci/run sets it.
import { relative } from 'node:path';
import { TOOLS } from './tools.js';

const NOTE = / \[needs (.+?)\](?= |$)/;
const COMMAND = 'npm run test:setup';

/** Skipped tests by file and by what they need; suites that are skipped as a whole are one line. */
export function skipsOf(testResults, rootDir) {
  const lines = [];
  for (const { testFilePath, testResults: tests } of testResults) {
    const groups = new Map();
    for (const { status, ancestorTitles, title, fullName } of tests) {
      if (status !== 'pending' && status !== 'todo') continue;
      // `describe.skip` with a note is told once, for all the tests in it.
      const noted = [...ancestorTitles, title].find((one) => NOTE.test(one)) ?? fullName;
      groups.set(noted, (groups.get(noted) ?? 0) + 1);
    }
    for (const [title, count] of groups) {
      const needs = NOTE.exec(title)?.[1];
      const why = needs ? `needs ${needs}` : 'says nothing of what it needs';
      const tests = count === 1 ? '1 test' : `${count} tests`;
      lines.push(
        `${relative(rootDir, testFilePath)}: ${title.replace(NOTE, '')} (${tests}): ${why}`,
      );
    }
  }
  return lines;
}

export default class SkipReporter {
  #rootDir;
  #isChoice;
  #log;
  #failed = false;

  constructor({ rootDir, testNamePattern }, _options, _context, log = console.log) {
    this.#rootDir = rootDir;
    // With `-t` all others are skipped on purpose.
    this.#isChoice = Boolean(testNamePattern);
    this.#log = log;
  }

  onRunComplete(_contexts, { testResults }) {
    if (this.#isChoice) return;
    const lines = skipsOf(testResults, this.#rootDir);
    if (lines.length === 0) return;
    this.#failed = Boolean(process.env.SKIPS_FAIL);
    this.#log(
      `\nSKIPPED${this.#failed ? ', WHICH IS A FAILURE HERE' : ''}:\n  ${lines.join('\n  ')}`,
    );
    const long = Object.keys(TOOLS).filter(
      (name) => TOOLS[name].takesLong && lines.some((line) => line.includes(name)),
    );
    const command = [COMMAND, ...(long.length > 0 ? ['--', ...long] : [])].join(' ');
    this.#log(`\`${command}\` installs what is missing.\n`);
  }

  getLastError() {
    return this.#failed ? new Error('tests were skipped') : undefined;
  }
}
