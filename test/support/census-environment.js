import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { TestEnvironment } from 'jest-environment-node';

/** Files after which it counts. */
const COUNTED = /\.e2e-spec\.|\/soak\.table\./;

/** Time for what is being closed to be gone, in milliseconds, unless the test environment has an option `patienceMs`. */
const PATIENCE_MS = 5_000;
const LOOK_MS = 20;

/** Resources of Node that tests open. Others, such as timers of `fetch`, come and go by themselves. */
const RESOURCES = /^(TCP|TLS|UDP|Pipe|Process|FSEvent|Worker|MessagePort|HTTP2)/i;

/**
 * Environment of all tests. After each e2e file, and the soak, it counts what the tests have left: timers, listeners on `process`, child processes,
 * open sockets and servers, and sessions in registries (`census-registries.ts`). What is still there after five seconds fails the file,
 * unless a test has failed.
 */
export default class CensusEnvironment extends TestEnvironment {
  #before;
  #timers = new Set();
  #patienceMs;
  #hasFailed = false;

  constructor(config, context) {
    super(config, context);
    this.#patienceMs = config.projectConfig.testEnvironmentOptions.patienceMs ?? PATIENCE_MS;
    if (!COUNTED.test(context.testPath)) return;
    this.global.censusRegistries = new Set();
    for (const name of ['setTimeout', 'setInterval']) this.#watchTimers(name);
  }

  async handleTestEvent(event, state) {
    if (!this.global.censusRegistries) return;
    if (event.name === 'run_start') this.#before = this.#count();
    if (event.name === 'test_done') this.#hasFailed ||= event.test.errors.length > 0;
    // The failure of a test explains what it leaves.
    if (event.name !== 'run_finish' || this.#hasFailed) return;
    const untilMs = performance.now() + this.#patienceMs;
    let left = this.#left();
    // The connection of an answer of `fetch` that nobody read goes with the answer.
    if (left.length > 0) collectGarbage();
    while (left.length > 0 && performance.now() < untilMs) {
      await sleep(LOOK_MS);
      left = this.#left();
    }
    if (left.length === 0) return;
    const message = `The tests of this file have left:\n  ${left.join('\n  ')}`;
    state.unhandledErrors.push(new Error(message));
  }

  #watchTimers(name) {
    const real = this.global[name];
    this.global[name] = (...args) => {
      const timer = real(...args);
      this.#timers.add(timer);
      return timer;
    };
    this.global[name][promisify.custom] = real[promisify.custom];
  }

  /** Whatever there is more of than before the tests. */
  #left() {
    return [...this.#count()].flatMap(([what, count]) => {
      const more = count - (this.#before.get(what) ?? 0);
      return more > 0 ? [`${more} × ${what}`] : [];
    });
  }

  #count() {
    const { process: ofTests, censusRegistries } = this.global;
    for (const timer of this.#timers) if (timer._destroyed) this.#timers.delete(timer);
    const counts = new Map();
    const add = (what, count = 1) => counts.set(what, (counts.get(what) ?? 0) + count);
    for (const { _onTimeout } of this.#timers) add(`timer ${firstLine(_onTimeout)}`);
    for (const type of process.getActiveResourcesInfo()) if (RESOURCES.test(type)) add(type);
    for (const name of ofTests.eventNames()) {
      add(`listener on process for ${String(name)}`, ofTests.listenerCount(name));
    }
    for (const child of children()) add(`child process ${child}`);
    for (const registry of censusRegistries) {
      for (const { id, state } of registry.live) add(`session ${id}, which is ${state.name}`);
      if (registry.queued > 0) add('queued start', registry.queued);
      // Fields of the implementation, which nothing else shows.
      add('slot without a session', registry.fleet.capacity.taken - registry.size);
      add('share of a principal', registry.fleet.capacity.byPrincipal.size);
    }
    return counts;
  }
}

/** Children of this process, by command and number; none where there is no `/proc`. */
function children() {
  return threads().flatMap((thread) => {
    try {
      const ids = readFileSync(`/proc/self/task/${thread}/children`, 'utf8').trim();
      return ids === '' ? [] : ids.split(' ').map((id) => `${commandOf(id)} (${id})`);
    } catch {
      // The thread has ended.
      return [];
    }
  });
}

function threads() {
  try {
    return readdirSync('/proc/self/task');
  } catch {
    return [];
  }
}

function commandOf(id) {
  try {
    return readFileSync(`/proc/${id}/cmdline`, 'utf8').replaceAll('\0', ' ').slice(0, 120).trim();
  } catch {
    return '?';
  }
}

function collectGarbage() {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
}

const firstLine = (callback) => String(callback).split('\n', 1)[0].slice(0, 100);
