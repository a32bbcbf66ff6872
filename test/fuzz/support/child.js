import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { busy } from './busy.js';

/** The most of a child's last output that is kept, in characters. */
const KEPT_OUTPUT = 4_000;
/** Time for an answer, in milliseconds, and in such of its processor; a loop that is held for longer is held for good. */
const ANSWER_MS = 5_000;
const ANSWER_USED_MS = 3_000;

/** A program with an IPC channel that answers questions. */
export class Child {
  /** Resolves with how it ended, and its last output. */
  ended;
  output = '';
  waiting = new Map();
  ids = 0;

  constructor(file, args, { env, flags = [] }) {
    this.process = spawn(process.execPath, [...flags, file, ...args], {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: { ...process.env, ...env },
    });
    for (const pipe of [this.process.stdout, this.process.stderr]) {
      pipe.on('data', (text) => (this.output = (this.output + text).slice(-KEPT_OUTPUT)));
    }
    this.process.on('message', ({ id, answer }) => {
      this.waiting.get(id)?.(answer);
      this.waiting.delete(id);
    });
    this.process.on('close', (code, signal) => {
      this.ended = `it ended with ${signal ?? code}: ${this.output.trim()}`;
      for (const answered of this.waiting.values()) answered(undefined);
    });
    this.process.on('error', () => undefined);
  }

  /** Resolves with its first message. */
  async started() {
    const [first] = await Promise.race([
      once(this.process, 'message'),
      once(this.process, 'close'),
    ]);
    if (this.ended !== undefined) throw new Error(`${this.process.spawnfile}: ${this.ended}`);
    return first;
  }

  /** Resolves with the answer; `undefined` when it has ended or does not answer. */
  ask(question, more = {}) {
    if (this.ended !== undefined) return Promise.resolve(undefined);
    const id = ++this.ids;
    return new Promise((resolve) => {
      const endMs = performance.now() + ANSWER_MS * busy();
      const usedMs = this.usedMs;
      const timer = setInterval(() => {
        const isHeld = this.usedMs - usedMs > ANSWER_USED_MS;
        if (isHeld || performance.now() > endMs) this.waiting.get(id)?.(undefined);
      }, 200);
      this.waiting.set(id, (answer) => {
        clearInterval(timer);
        resolve(answer);
      });
      this.process.send({ id, question, ...more }, () => undefined);
    });
  }

  /** Time of a processor that it has used, in milliseconds; 0 where the system does not tell. */
  get usedMs() {
    try {
      const stat = readFileSync(`/proc/${this.process.pid}/stat`, 'utf8');
      // Behind the name, which may hold anything: utime and stime, in hundredths of a second.
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return (Number(fields[11]) + Number(fields[12])) * 10;
    } catch {
      return 0;
    }
  }

  async stop() {
    if (this.ended !== undefined) return;
    const closed = once(this.process, 'close');
    this.process.kill('SIGKILL');
    await closed;
  }
}
