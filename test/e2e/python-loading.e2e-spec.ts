import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { ProcessHost } from '../support/process-host.js';
import { nextText } from '../support/runner-app.js';
import { describeWith } from '../support/needs.js';

const MAIN = 'if __name__ == "__main__":\n    from pipecat.runner.run import main\n';
const STORED = `pipecat:${'0a'.repeat(16)}`;

let dir: string;
let running: ProcessHost | undefined;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'python-bots-'));
});
afterEach(async () => {
  await running?.host.close();
  running = undefined;
  rmSync(dir, { recursive: true });
});

/** A bot that sends what an expression is. */
const says = (expression: string) =>
  `async def bot(runner_args):\n    await runner_args.websocket.send_text(str(${expression}))\n`;

function write(files: Record<string, string>): void {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text);
}

async function start(
  file: string,
  options: object = {},
  program: object = {},
): Promise<ProcessHost> {
  const python = join(dir, file);
  const pythonPath = process.env.PIPECAT_PYTHON;
  running = await ProcessHost.start({ python, pythonPath, ...program }, options);
  return running;
}

/** Returns what the bot of a file says. */
async function said(...args: Parameters<typeof start>): Promise<string> {
  return nextText(await (await start(...args)).open({}));
}

describeWith('pipecat-ai[runner]')('a Python file', () => {
  it('runs as a program up to main(), with its own flags', async () => {
    write({
      'bot.py': `import sys\n${says('(__name__, runner_args.cli_args.loud, sys.argv[1:])')}${MAIN}    import argparse
    parser = argparse.ArgumentParser()
    parser.add_argument("--loud", action="store_true")
    main(parser)
    raise SystemExit("never reached")\n`,
    });
    expect(await said('bot.py', {}, { botArgs: ['--loud'] })).toBe(
      "('__main__', True, ['--loud'])",
    );
  });

  it('does not run as a program that serves by itself', async () => {
    write({
      'bot.py': `${says('__name__')}if __name__ == "__main__":\n    raise SystemExit("served")\n`,
    });
    expect(await said('bot.py')).toBe('bot');
  });

  it('fails with the reason when it does not take a flag', async () => {
    write({ 'bot.py': `${says('1')}${MAIN}    main()\n` });
    await start('bot.py', {}, { botArgs: ['--loud'] });
    expect(await running!.endOf({})).toMatchObject({ code: 'failed' });
    await running!.lines.with("the bot does not take its flags ['--loud']; the log says why");
    await running!.lines.with('unrecognized arguments: --loud');
  });

  it.each(['bot.py', 'agent.py'])(
    'that is a server.py uses the bot of %s beside it',
    async (name) => {
      write({
        'server.py': `from pipecat.runner.run import app, main
@app.get("/my-route")
async def my_route():
    return {"hello": "world"}
if __name__ == "__main__":
    main()\n`,
        [name]: says('__name__'),
        'another.py': 'open("was-run", "w")\n',
        'broken.py': 'def bot(:\n',
      });
      expect(await said('server.py', {}, { cwd: dir })).toBe(name.replace('.py', ''));
      await running!.lines.with(
        'The bot’s route GET /my-route is served at /sessions/<id>/my-route',
      );

      expect(readdirSync(dir)).not.toContain('was-run');
    },
  );

  it('without a bot fails with the reason', async () => {
    write({ 'server.py': `${MAIN}    main()\n`, 'another.py': 'x = 1\n' });
    await start('server.py');
    expect(await running!.endOf({})).toMatchObject({ code: 'failed' });
    await running!.lines.with('server.py has no bot: async def bot(runner_args)');
  });

  it('finds the values of an application in cli_args and the module’s helpers', async () => {
    write({
      'bot.py':
        'async def bot(runner_args):\n    from pipecat.runner.run import runner_host, runner_port, runner_downloads_folder\n' +
        '    found = (runner_args.cli_args.mine, runner_host(), runner_port(), runner_downloads_folder())\n' +
        '    await runner_args.websocket.send_text(str(found))\n',
    });
    const cliArgs = { mine: 1, host: 'h.example', port: 80, downloads_folder: './files' };
    expect(await said('bot.py', { cliArgs })).toBe("(1, 'h.example', 80, './files')");
  });

  it('has the helpers’ defaults and no cli_args in an application without them', async () => {
    write({
      'bot.py': `from pipecat.runner.run import runner_host, runner_port\n${says(
        '(runner_args.cli_args, runner_host(), runner_port())',
      )}`,
    });
    expect(await said('bot.py')).toBe("(None, 'localhost', 7860)");
  });

  it('reads uploaded files from the runner’s folder', async () => {
    mkdirSync(join(dir, 'uploads'));
    writeFileSync(join(dir, 'uploads', '0a'.repeat(16)), 'a picture');
    write({ 'bot.py': says(`(await runner_args.file_storage.load("${STORED}")).decode()`) });
    const uploads = { folder: join(dir, 'uploads') };
    expect(await said('bot.py', { uploads })).toBe('a picture');
  });

  it('brings a storage of its own', async () => {
    write({
      'bot.py': `def create_file_storage():\n    return "mine"\n${says('runner_args.file_storage')}`,
    });
    expect(await said('bot.py', { uploads: { folder: dir } })).toBe('mine');
  });

  it('fails with the reason when its storage is made by a coroutine', async () => {
    write({ 'bot.py': `async def create_file_storage():\n    pass\n${says('1')}` });
    await start('bot.py');
    expect(await running!.endOf({})).toMatchObject({ code: 'failed' });
    await running!.lines.with('create_file_storage() must not be async');
  });
});
