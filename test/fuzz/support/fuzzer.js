import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { Branches } from './branches.js';
import { busy } from './busy.js';
import { addToCorpus, corpusOf } from './corpus.js';
import { World } from './world.js';

/** Inputs between two looks at the runner. */
const BATCH = 40;
/** Longest time of a batch, in milliseconds: the rest of it is left out. */
const BATCH_MS = 4_000;
/** Inputs that are on their way at once, unless the target says otherwise. */
const CONCURRENCY = 8;
/** The longest an input may hold the event loop, in milliseconds. */
const MAX_HELD_MS = 50;
/** Number of times that a suspect input is sent alone; the least that it costs counts. */
const ATTEMPTS = 4;
/** Growth of the memory from which a batch is suspect, as a share; and how often it must grow so in a row. */
const MAX_GROWTH = 0.05;
const GROWTHS = 4;
/** The longest gap in the witness' sound, in milliseconds. It is played 100 ms ahead; a busy machine delays it too. */
const MAX_GAP_MS = 5_000;
/** Time for sessions to end, in milliseconds: a peer that left unheard is noticed after ten seconds, or after two pings. */
const SESSIONS_MS = 60_000;
/** The longest that an input is waited for, in milliseconds. */
const INPUT_MS = 20_000;
/** Between two looks at the memory, in milliseconds. */
const MEMORY_MS = 20_000;
const SHRINK_MS = 60_000;
/** After so many inputs something of each parser has been reached. */
const SEEING_INPUTS = 400;
/** Findings after which the same runner can go on. */
const HARMLESS = ['held', 'answer', 'log'];
/** Problems that no busy machine makes. */
const CERTAIN = ['ended', 'log', 'relay', 'verdict'];

/** Fuzzes one target. */
export class Fuzzer {
  iterations = 0;
  findings = [];
  #world;
  #opened;
  #bytes;
  #measuredMs = 0;
  /** True for a runner that counts branches, or that is no longer what it was. */
  #isSpoilt = true;
  #counts = false;
  #idle = 1;
  #recent = [];
  #branches;

  /**
   * @param target a module of `targets/`
   * @param options.dist the build under test
   * @param options.coverage counts branches
   * @param options.shrink looks for the smallest input, and writes it to the corpus
   */
  constructor(target, { seed, dist = 'dist', coverage = true, shrink = true }) {
    Object.assign(this, { target, seed, dist, coverage, shrink });
    this.#branches = new Branches(coverage ? target.parsers : [], dist);
  }

  /** Fuzzes for a time, or until the first finding. @returns the branches of each parser */
  async run(seconds, { untilFound = false } = {}) {
    try {
      await this.#open(this.coverage);
      const endMs = performance.now() + seconds * 1_000;
      for (const inputs of corpusOf(this.target.name)) {
        if (!(await this.#problemOf(inputs))) continue;
        this.#isSpoilt = true;
        const problem = await this.#confirmed(inputs, true);
        if (problem) await this.#found({ ...problem, inputs, seed: 'corpus', path: '' });
        await this.#reopen(this.coverage);
      }
      for (let batch = 0; performance.now() < endMs; batch++) {
        const seed = this.seed + batch;
        const inputs = this.#batchOf(seed);
        this.#note(seed);
        const problem = await this.#problemOf(inputs);
        if (!problem) continue;
        console.log(`? ${this.target.name}: ${problem.kind}: ${problem.detail}`.slice(0, 600));
        this.#isSpoilt ||= !HARMLESS.includes(problem.kind);
        if (untilFound && performance.now() > endMs) break;
        await this.#investigate(problem, inputs, seed);
        if (untilFound && this.findings.length > 0) break;
        if (this.coverage || this.#isSpoilt) await this.#reopen(this.coverage);
      }
      const left = untilFound ? undefined : await this.#sessionsEnd();
      if (left) await this.#investigate(left, [], this.seed);
      await this.#count();
      this.#lookForBlindness();
      return this.#branches.counts;
    } finally {
      await this.#close();
    }
  }

  #batchOf(seed) {
    return fc.sample(this.#opened.input, { seed, numRuns: BATCH });
  }

  /** Keeps the seeds of what was sent as long as a session of it may turn out to be left. The inputs themselves would fill the memory. */
  #note(seed) {
    const nowMs = performance.now();
    this.#recent = this.#recent.filter(({ atMs }) => nowMs - atMs < 2 * SESSIONS_MS * busy());
    this.#recent.push({ atMs: nowMs, seed });
  }

  async #open(coverage) {
    const { dist } = this;
    this.#world = await World.start({ dist, coverage });
    this.#opened = await this.target.open(this.#world);
    this.#idle = this.#opened.idleSessions ?? 1;
    this.#bytes = undefined;
    this.#measuredMs = performance.now();
    this.#isSpoilt = this.#counts = coverage;
  }

  async #close() {
    await this.#opened?.close();
    await this.#world?.stop();
    this.#opened = this.#world = undefined;
  }

  async #reopen(coverage) {
    await this.#count();
    await this.#close();
    await this.#open(coverage);
  }

  /** Asks a runner that counts branches for those it has reached. It cannot say so any more once it has ended. */
  async #count() {
    if (!this.#counts) return;
    this.#branches.add((await this.#world.runner.ask('coverage')) ?? []);
  }

  /** Inputs that reach nothing of a parser find nothing in it. */
  #lookForBlindness() {
    if (this.iterations < SEEING_INPUTS) return;
    for (const { path } of this.#branches.counts.filter(
      (one) => one.total > 0 && one.reached === 0,
    )) {
      const detail = `no branch of ${path} was reached`;
      this.findings.push({ kind: 'blind', detail });
      console.log(`\n✗ ${this.target.name}: blind: ${detail}`);
    }
  }

  /** Sends inputs, and returns what is wrong after them. */
  async #problemOf(inputs) {
    const world = this.#world;
    await this.#send(inputs);
    if (world.ended !== undefined) return { kind: 'ended', detail: world.ended };
    const [finding] = world.findings.splice(0);
    if (finding) return finding;
    const state = await world.state();
    if (!state) return { kind: 'ended', detail: world.ended ?? 'the runner does not answer' };
    if (state.problems.length > 0) return { kind: 'log', detail: state.problems[0] };
    return (
      oldSession(state, this.#idle) ??
      (await this.#witness()) ??
      held(state) ??
      (await this.#memory(inputs))
    );
  }

  async #send(inputs) {
    const queue = [...inputs];
    const endMs = performance.now() + BATCH_MS;
    const { concurrency = CONCURRENCY } = this.target;
    await Promise.all(
      Array.from({ length: concurrency }, async () => {
        while (queue.length > 0 && performance.now() < endMs && this.#world.ended === undefined) {
          const over = new AbortController();
          const timer = sleep(INPUT_MS * busy(), true, { signal: over.signal }).catch(() => false);
          // A refused connection is no finding: a runner that has ended is seen by that.
          const sent = this.#opened.send(queue.shift()).catch((error) => {
            if (!error.code && !error.cause?.code) throw error;
          });
          const isLate = await Promise.race([timer, sent]);
          over.abort();
          if (isLate === true) this.#world.report('hangs', 'an input was not answered in time');
          this.iterations++;
        }
      }),
    );
  }

  /** Waits until the sessions of all inputs have ended, and returns what is wrong if they do not. */
  async #sessionsEnd() {
    for (;;) {
      const state = await this.#world.state();
      if (!state || state.sessions.length <= this.#idle) return undefined;
      const problem = oldSession(state, this.#idle);
      if (problem) return problem;
      if (state.problems.length > 0) return { kind: 'log', detail: state.problems[0] };
      await sleep(200);
    }
  }

  async #witness() {
    const heard = await this.#world.hears();
    if (!heard) return { kind: 'witness', detail: `is gone: ${this.#world.witness.ended}` };
    if (heard.problem) return { kind: 'witness', detail: heard.problem };
    return heard.gapMs > MAX_GAP_MS * busy()
      ? { kind: 'witness', detail: `it heard nothing for ${heard.gapMs.toFixed()} ms` }
      : undefined;
  }

  /** Memory that grows with each repetition is lost; what is kept once, such as compiled code, is not. */
  async #memory(inputs) {
    if (performance.now() - this.#measuredMs < MEMORY_MS) return undefined;
    for (let growths = 0; ; growths++) {
      const problem = await this.#sessionsEnd();
      if (problem) return problem;
      const state = await this.#world.state({ gc: true });
      const before = this.#bytes;
      this.#bytes = state?.bytes;
      this.#measuredMs = performance.now();
      if (!state || before === undefined || state.bytes <= before * (1 + MAX_GROWTH)) {
        return undefined;
      }
      if (growths === GROWTHS) {
        const detail = `grew from ${before} to ${state.bytes} bytes once more`;
        return { kind: 'memory', detail, isProven: true };
      }
      await this.#send(inputs);
    }
  }

  /** Looks for the one input of a suspect batch, in a runner that counts no branches, before anything is called a finding. */
  async #investigate(problem, batch, seed) {
    if (problem.kind === 'held') return this.#investigateHeld(batch, seed);
    if (problem.kind === 'memory' && !problem.isProven) return this.#investigateMemory(batch, seed);
    // A session that is left may be of an earlier batch.
    const isLate = problem.kind === 'sessions';
    const inputs = isLate ? this.#recent.flatMap((one) => this.#batchOf(one.seed)) : batch;
    const found = await this.#provenOf(problem, inputs);
    if (!found?.kind) return;
    await this.#found({ ...found, seed, path: pathOf(found.inputs, batch) });
  }

  async #provenOf(problem, inputs) {
    if (problem.isProven) return { ...problem, inputs };
    if (this.shrink) return this.#culprit(inputs);
    return {
      ...(CERTAIN.includes(problem.kind) ? problem : await this.#confirmed(inputs)),
      inputs,
    };
  }

  /** Many inputs that hold the loop for a while each are no finding: the worst of them alone must do so, again and again. */
  async #investigateHeld(batch, seed) {
    let worst;
    let worstMs = MAX_HELD_MS;
    for (const input of batch) {
      await this.#send([input]);
      const heldMs = (await this.#world.state())?.heldMs ?? Infinity;
      if (heldMs > worstMs) [worst, worstMs] = [input, heldMs];
      if (heldMs === Infinity) break;
    }
    if (!worst) return;
    const inputs = [worst];
    const problem = await this.#confirmed(inputs, true);
    if (problem) await this.#found({ ...problem, inputs, seed, path: pathOf(inputs, batch) });
  }

  /** Looks for the one input: memory that is held for it may be of others that were sent beside it. */
  async #investigateMemory(batch, seed) {
    for (const input of batch) {
      const inputs = [input];
      const problem = await this.#confirmed(inputs);
      if (problem) return this.#found({ ...problem, inputs, seed, path: pathOf(inputs, batch) });
    }
  }

  /** Halves inputs as long as one half alone is enough. */
  async #culprit(inputs) {
    const problem = await this.#confirmed(inputs);
    if (!problem) return undefined;
    if (inputs.length > 1) {
      const middle = inputs.length >> 1;
      for (const half of [inputs.slice(0, middle), inputs.slice(middle)]) {
        const found = await this.#culprit(half);
        if (found) return found;
      }
    }
    return { ...problem, inputs };
  }

  /** Sends inputs to a runner that counts no branches; several times where a busy machine may be to blame. */
  async #confirmed(inputs, isHeld = false) {
    if (this.#isSpoilt) await this.#reopen(false);
    let problem;
    for (let i = 0; i < (isHeld ? ATTEMPTS : 1); i++) {
      problem = (await this.#problemOf(inputs)) ?? (isHeld ? undefined : await this.#sessionsEnd());
      if (!problem || (problem.kind === 'held' && !isHeld)) return undefined;
      this.#isSpoilt ||= !HARMLESS.includes(problem.kind);
    }
    return problem;
  }

  async #found(finding) {
    const smallest = this.shrink ? await this.#shrunk(finding) : finding;
    this.findings.push(smallest);
    const { kind, detail, seed, path, inputs } = smallest;
    console.log(`\n✗ ${this.target.name}: ${kind}: ${detail}\n  seed ${seed}, path "${path}"`);
    console.log(`  ${fc.stringify(inputs.slice(0, 3)).slice(0, 2_000)}`);
    if (this.shrink && seed !== 'corpus') {
      console.log(`  ${addToCorpus(this.target.name, smallest)}`);
    }
  }

  async #shrunk(finding) {
    const { seed, path, kind } = finding;
    if (seed === 'corpus' || path === '') return finding;
    const property = fc.asyncProperty(this.#opened.input, async (input) => {
      const found = await this.#confirmed([input], kind === 'held');
      return found?.kind !== kind;
    });
    const details = await fc.check(property, {
      seed,
      path,
      interruptAfterTimeLimit: SHRINK_MS,
      numRuns: Number(path) + 1,
    });
    if (!details.counterexample) return finding;
    return { ...finding, inputs: details.counterexample, path: details.counterexamplePath };
  }
}

function held({ heldMs }) {
  return heldMs > MAX_HELD_MS
    ? { kind: 'held', detail: `the event loop was held for ${heldMs.toFixed()} ms` }
    : undefined;
}

/** The path of fast-check to a single input of a batch; '' for several, or one of an earlier batch. */
function pathOf(inputs, batch) {
  const index = inputs.length === 1 ? batch.indexOf(inputs[0]) : -1;
  return index === -1 ? '' : String(index);
}

/**
 * A session that outlives its input.
 * @param idle how many stay: the witness, and those of the target. They are the oldest
 */
function oldSession({ sessions }, idle) {
  const byAge = sessions.toSorted((one, other) => other.ageMs - one.ageMs);
  const left = byAge.slice(idle).filter(({ ageMs }) => ageMs > SESSIONS_MS * busy());
  return left.length > 0
    ? { kind: 'sessions', detail: `are left: ${JSON.stringify(left)}` }
    : undefined;
}
