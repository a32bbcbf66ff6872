import { inspect } from 'node:util';

/** The longest line that what a stranger sends may make. */
const MAX_LINE = 2_000;
/** The most lines of a context in a second: more than a bot may write, and not all that it can. */
const MAX_LINES = 1_500;
/** The most problems that are kept. */
const MAX_PROBLEMS = 20;

/** Nest's log, without output: it looks for lines that a stranger must not be able to cause. */
export class LogCheck {
  problems = [];
  #failing = new Set();
  #lines = new Map();
  log = (...args) => this.check(args);
  warn = (...args) => this.check(args);
  debug = (...args) => this.check(args);
  verbose = (...args) => this.check(args);
  /** Errors are the runner's own fault, or a bot's; no bot here fails. */
  error = (...args) => this.fault('error', args);
  fatal = (...args) => this.fault('fatal', args);

  /** Allows long lines and errors in the lines of a context: a bot's own, which fails. */
  mayFail(context) {
    this.#failing.add(context);
  }

  fault(level, args) {
    const text = this.check(args);
    // Nest's own line about a client that went while it sent a body to no route.
    const isNests = args.at(-1) === 'ExceptionsHandler' && text.startsWith('Error: aborted');
    if (!isNests && !this.#failing.has(args.at(-1))) this.note(level, text);
  }

  /** Returns what was found since the last call. */
  take() {
    return this.problems.splice(0);
  }

  check(args) {
    const text = args.map((arg) => (typeof arg === 'string' ? arg : inspect(arg))).join(' ');
    if (text.length > MAX_LINE && !this.#failing.has(args.at(-1)))
      this.note(`a line of ${text.length} characters`, text);
    // A tab is none that harms, and a bot may print it.
    // eslint-disable-next-line no-control-regex -- these are what is looked for
    if (/[\x00-\x08\x0b-\x1f\x7f-\x9f]/.test(text)) this.note('control characters', text);
    this.#count(args.at(-1));
    return text;
  }

  #count(context) {
    const second = Math.floor(performance.now() / 1_000);
    const lines = this.#lines.get(context);
    if (lines?.second !== second) return this.#lines.set(context, { second, count: 1 });
    if (++lines.count === MAX_LINES) this.note('a flood of lines', context);
  }

  note(kind, text) {
    if (this.problems.length === MAX_PROBLEMS) return;
    this.problems.push(`log: ${kind}: ${JSON.stringify(text).slice(0, 400)}`);
  }
}
