import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { delimiter } from 'node:path';

/** Length of a failed command's output that is shown, in characters. */
const SHOWN = 6_000;

/** @param bin the folder of the Node that is first in the path @returns an environment for a host's commands, without this suite's own settings */
export function environment(bin, more = {}) {
  const env = { ...process.env };
  for (const name of Object.keys(env)) {
    if (/^(npm_(?!config_(registry|cache)$)|NODE_OPTIONS$|NODE_ENV$|CI$)/i.test(name))
      delete env[name];
  }
  return {
    ...env,
    PATH: `${bin}${delimiter}${env.PATH}`,
    NO_COLOR: '1',
    FORCE_COLOR: '0',
    ...more,
  };
}

/**
 * Runs a command to its end.
 * @returns what it wrote
 * @throws {Error} with the end of it, unless its exit code is 0 within `timeoutMs`
 */
export async function run(command, args, { timeoutMs = 300_000, ...options }) {
  const child = spawn(command, args, {
    ...options,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => (output += text));
  }
  const timer = setTimeout(() => killGroup(child), timeoutMs);
  try {
    const [code, signal] = await once(child, 'close');
    if (code === 0) return output;
    throw new Error(
      `${command} ${args.join(' ')}: ${signal ?? `exit code ${code}`}\n${output.slice(-SHOWN)}`,
    );
  } finally {
    clearTimeout(timer);
  }
}

/** A server that was started: where it listens, and how it is stopped. */
export async function startServer(file, { cwd, env, timeoutMs = 60_000 }) {
  const child = spawn('node', ['--import', new URL('report-port.js', import.meta.url).href, file], {
    cwd,
    env: { ...env, PORT: '0' },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    detached: true,
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => (output += text));
  }
  const exited = once(child, 'exit');
  const over = AbortSignal.timeout(timeoutMs);
  const gone = exited.then(([code]) => {
    throw new Error(
      `${file} ended with exit code ${code} before it listened\n${output.slice(-SHOWN)}`,
    );
  });
  gone.catch(() => undefined);
  try {
    const [port] = await Promise.race([once(child, 'message', { signal: over }), gone]);
    return {
      url: `http://127.0.0.1:${port}`,
      output: () => output,
      /** @returns the exit code; a signal's name where that ended it */
      async stop(signal = 'SIGKILL') {
        if (child.exitCode === null && child.signalCode === null) child.kill(signal);
        const timer = setTimeout(() => killGroup(child), 30_000);
        const [code, by] = await exited;
        clearTimeout(timer);
        return code ?? by;
      },
    };
  } catch (error) {
    killGroup(child);
    if (!over.aborted) throw error;
    throw new Error(`${file} did not listen within ${timeoutMs} ms\n${output.slice(-SHOWN)}`, {
      cause: error,
    });
  }
}

function killGroup(child) {
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // It is gone.
  }
}
