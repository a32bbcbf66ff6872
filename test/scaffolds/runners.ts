import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { delimiter, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../support/free-port.js';
import { type Bot, SCAFFOLDS_PYTHON } from './projects.js';

/** The runners that are compared. */
export const RUNNERS = ['here', "Pipecat's own"] as const;
export type RunnerName = (typeof RUNNERS)[number];

const START_TIMEOUT_MS = 60_000;

/** Callers come without a webhook here, as to Pipecat's own runner, although keys of carriers are in the environment. */
const OPEN = ['--open-carriers', 'twilio', 'telnyx', 'plivo', 'exotel'];

/** A runner with a bot, in a process of its own. */
export class BotRunner {
  /** Output so far. */
  output = '';

  private constructor(
    private readonly child: ChildProcess,
    readonly url: string,
  ) {
    for (const stream of [child.stdout!, child.stderr!]) {
      stream.on('data', (text: Buffer) => (this.output += text.toString()));
    }
  }

  /** Starts one, and resolves once it answers. @param env added to the environment, for the bots too */
  static async start(name: RunnerName, bot: Bot, env: NodeJS.ProcessEnv): Promise<BotRunner> {
    const port = await freePort();
    const flags = ['--host', '127.0.0.1', '--port', `${port}`, ...(bot.flags ?? [])];
    const [program, ...args] =
      name === 'here'
        ? [
            process.execPath,
            join(process.cwd(), 'dist/main.js'),
            '--bot',
            bot.file,
            ...flags,
            ...OPEN,
          ]
        : [SCAFFOLDS_PYTHON, bot.file, ...flags];
    const child = spawn(program, args, {
      cwd: dirname(bot.file),
      env: {
        ...process.env,
        // As in an activated environment.
        PATH: `${dirname(SCAFFOLDS_PYTHON)}${delimiter}${process.env.PATH}`,
        ...env,
      },
    });
    const runner = new BotRunner(child, `http://127.0.0.1:${port}`);
    const deadline = Date.now() + START_TIMEOUT_MS;
    while (!(await fetch(`${runner.url}/status`).catch(() => undefined))?.ok) {
      if (child.exitCode !== null || Date.now() > deadline) {
        await runner.stop();
        throw new Error(`it did not start: ${runner.output.slice(-500)}`);
      }
      await sleep(100);
    }
    return runner;
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    this.child.kill('SIGKILL');
    await once(this.child, 'exit');
  }
}
