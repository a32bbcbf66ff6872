import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Child } from './child.js';

const fileOf = (name) => fileURLToPath(new URL(`../host/${name}`, import.meta.url));

/** Memory that may be held for each byte that was sent, and besides. */
const HELD_PER_BYTE = 4;
const HELD_BESIDES = 4_194_304;

/** The runner under test with the call that witnesses it. Targets send to it whatever they generate. */
export class World {
  /** Findings of inputs, until they are taken. */
  findings = [];

  constructor(runner, witness, port, folder) {
    this.runner = runner;
    this.witness = witness;
    this.port = port;
    this.folder = folder;
    this.host = '127.0.0.1';
    this.url = `http://127.0.0.1:${port}`;
  }

  /**
   * @param options.dist the build under test
   * @param options.coverage counts the branches that are reached, which takes time
   */
  static async start({ dist = 'dist', coverage = false } = {}) {
    const folder = mkdtempSync(join(tmpdir(), 'fuzz-'));
    const env = { UPLOADS: folder, DIST: resolve(dist), COVERAGE: coverage ? '1' : '' };
    const runner = new Child(fileOf('runner.js'), [], { env, flags: ['--expose-gc'] });
    const { port } = await runner.started();
    const witness = new Child(fileOf('witness.js'), [`http://127.0.0.1:${port}`], { env: {} });
    await witness.started();
    return new World(runner, witness, port, folder);
  }

  /** End of the runner, if it has ended. */
  get ended() {
    return this.runner.ended;
  }

  /**
   * Returns `{ heldMs, bytes, rss, sessions, problems }` of the runner: the longest time since the last question for which its loop was held,
   * its memory, the open sessions (the witness is one of them) and what it warned of; `undefined` when it is gone.
   * @param options.gc collects the garbage first
   */
  state(options = {}) {
    return this.runner.ask('state', options);
  }

  /** Returns `{ problem, gapMs }` of the witness: what is wrong with its sound, and the longest gap in it since the last question. */
  hears() {
    return this.witness.ask('state');
  }

  /** Notes a finding of the input that is being sent. */
  report(kind, detail) {
    this.findings.push({ kind, detail });
  }

  /**
   * Starts to watch the memory that an input takes while its connections are open.
   * @returns a function that is given how many bytes were sent, and reports when too much of it is held
   */
  async watchMemory() {
    const before = await this.state({ gc: true });
    return async (sentBytes) => {
      const after = await this.state({ gc: true });
      if (!before || !after) return;
      const held = after.bytes - before.bytes;
      if (held > HELD_BESIDES + HELD_PER_BYTE * sentBytes) {
        this.report('memory', `${held} bytes are held for ${sentBytes} that were sent`);
      }
    };
  }

  async stop() {
    await Promise.all([this.runner.stop(), this.witness.stop()]);
    rmSync(this.folder, { recursive: true, force: true });
  }
}
