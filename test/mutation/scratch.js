// Copy of the work tree in which mutants are tried, so that the tree itself is never touched.
import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import ts from 'typescript';
import { mutate } from './mutants.js';

const JEST = ['--experimental-vm-modules', '--no-warnings', 'node_modules/jest/bin/jest.js'];
const RESULTS = 'mutation-results.json';

const AS_BUILT = {
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.ES2022,
  experimentalDecorators: true,
  emitDecoratorMetadata: true,
  useDefineForClassFields: false,
};

/** A run may take this many times what it took without mutant, and this much more. */
const PATIENCE = 3;
const PATIENCE_MS = 20_000;

export class Scratch {
  #root;
  #dir;
  /** Durations without mutant, by run. */
  #baseline = new Map();

  constructor(root) {
    const digest = createHash('sha256').update(root).digest('hex').slice(0, 12);
    this.#root = root;
    this.#dir = join(tmpdir(), `pipecat-runner-mutation-${digest}`);
    mkdirSync(this.#dir, { recursive: true });
    this.#lock();
    this.#copy();
  }

  /** Gives a mutant to its test runs, until one fails. */
  async try(mutant, runs) {
    for (const run of runs) {
      await this.#needGreen(run);
      const limitMs = this.#baseline.get(keyOf(run)) * PATIENCE + PATIENCE_MS;
      const undo = this.#apply(mutant);
      process.once('exit', undo);
      const { passed, failure } = await this.#jest(run, limitMs);
      process.off('exit', undo);
      undo();
      if (!passed) return { killed: true, by: failure };
    }
    return { killed: false };
  }

  /** A run that fails without mutant says nothing about one. It has two attempts, for a busy machine. */
  async #needGreen(run) {
    const key = keyOf(run);
    if (this.#baseline.has(key)) return;
    let failure;
    for (let attempt = 1; attempt <= 2; attempt++) {
      const startedMs = performance.now();
      const result = await this.#jest(run, 600_000);
      if (result.passed) return void this.#baseline.set(key, performance.now() - startedMs);
      ({ failure } = result);
    }
    throw new Error(`Without any mutant, ${key} fails: ${failure}`);
  }

  /** Writes the mutated source, and what children of tests run: its translation in `dist/`. The times stay, or all would be built again. */
  #apply(mutant) {
    const { file, why } = mutant;
    const source = join(this.#dir, file);
    const mutated = mutate(readFileSync(source, 'utf8'), mutant);
    const changes = [[source, mutated]];
    const built = join(this.#dir, file.replace(/^src\b/, 'dist').replace(/\.ts$/, '.js'));
    if (built !== source && existsSync(built)) {
      const { outputText, diagnostics } = ts.transpileModule(mutated, {
        compilerOptions: AS_BUILT,
        reportDiagnostics: true,
      });
      if (diagnostics.length > 0) {
        const { messageText } = diagnostics[0];
        throw new Error(`The mutant "${why}" is no TypeScript: ${JSON.stringify(messageText)}`);
      }
      changes.push([built, outputText]);
    }
    const before = changes.map(([path]) => [path, readFileSync(path)]);
    for (const [path, text] of changes) rewrite(path, text);
    return () => before.forEach(([path, text]) => rewrite(path, text));
  }

  /** Result of a run of Jest; one that takes too long, or ends without results, has failed. */
  async #jest({ files, title }, limitMs) {
    const results = join(this.#dir, RESULTS);
    rmSync(results, { force: true });
    const args = [
      '--ci',
      '--runInBand',
      '--reporters=./test/mutation/first-failure.reporter.js',
      '--testSequencer=./test/mutation/quick-first.sequencer.js',
    ];
    if (title) args.push('-t', title);
    const child = spawn(process.execPath, [...JEST, ...args, '--runTestsByPath', ...files], {
      cwd: this.#dir,
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, ALL: '1', MUTATION_RESULTS: results },
      // A group of its own, which can be ended with all that the tests have started.
      detached: true,
    });
    let errors = '';
    child.stderr.on('data', (text) => (errors = (errors + text).slice(-2_000)));
    let late = false;
    const stop = () => {
      try {
        process.kill(-child.pid, 'SIGKILL');
      } catch {
        // It has ended.
      }
    };
    const timer = setTimeout(() => {
      late = true;
      stop();
    }, limitMs);
    process.once('exit', stop);
    const code = await new Promise((resolve) => child.once('exit', resolve));
    clearTimeout(timer);
    process.off('exit', stop);
    stop();
    if (late) return { passed: false, failure: `no end within ${Math.round(limitMs)} ms` };
    if (!existsSync(results)) return { passed: false, failure: `exit code ${code}: ${errors}` };
    const { passed, failure = 'no test ran' } = JSON.parse(readFileSync(results, 'utf8'));
    return { passed: passed > 0, failure };
  }

  #lock() {
    const lock = join(this.#dir, 'lock');
    const holder = existsSync(lock) ? Number(readFileSync(lock, 'utf8')) : 0;
    if (holder > 0 && existsSync(`/proc/${holder}`)) {
      throw new Error(`Process ${holder} tries mutants of this work tree already.`);
    }
    writeFileSync(lock, String(process.pid));
    process.once('exit', () => rmSync(lock, { force: true }));
  }

  /** Copies what differs, and removes what is gone. `dist/` is copied once; it is built again here when sources are newer. */
  #copy() {
    const list = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], {
      cwd: this.#root,
      encoding: 'utf8',
    });
    const files = new Set(list.trim().split('\n'));
    for (const file of files) {
      if (existsSync(join(this.#root, file))) this.#copyFile(file);
      else files.delete(file);
    }
    for (const folder of ['src', 'test', 'console', 'python', 'examples']) {
      for (const name of readdirSync(join(this.#dir, folder), { recursive: true })) {
        const file = `${folder}/${name}`;
        if (statSync(join(this.#dir, file)).isFile() && !files.has(file)) {
          rmSync(join(this.#dir, file));
        }
      }
    }
    const [dist, modules] = ['dist', 'node_modules'].map((name) => join(this.#dir, name));
    const rootDist = join(this.#root, 'dist');
    if (!existsSync(dist) && existsSync(rootDist)) {
      cpSync(rootDist, dist, { recursive: true, preserveTimestamps: true });
    }
    if (!existsSync(modules)) symlinkSync(join(this.#root, 'node_modules'), modules);
  }

  #copyFile(file) {
    const [from, to] = [join(this.#root, file), join(this.#dir, file)];
    const isThere = existsSync(to);
    if (isThere && readFileSync(from).equals(readFileSync(to))) return;
    mkdirSync(dirname(to), { recursive: true });
    // Files that have changed, or were left mutated by a run that was killed, are newer than the build.
    cpSync(from, to, { preserveTimestamps: !isThere });
  }
}

const keyOf = ({ files, title }) => files.join(' ') + (title ? ` -t ${title}` : '');

function rewrite(path, text) {
  const { atime, mtime } = statSync(path);
  writeFileSync(path, text);
  utimesSync(path, atime, mtime);
}
