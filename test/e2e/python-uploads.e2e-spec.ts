import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { ProcessBotLauncher, type RunnerModuleExtras } from '../../src/index.js';
import { ChildHost } from '../support/child-host.js';
import { describeWith } from '../support/needs.js';
import { ProcessHost } from '../support/process-host.js';
import { nextText, post } from '../support/runner-app.js';

const { PIPECAT_PYTHON } = process.env;

/** A bot with a storage that is no folder of the runner's, and says what is in the file that it is sent the URL of. */
const BOT = `
import os, pathlib

FOLDER = pathlib.Path(__file__).parent / "bucket"

class Bucket:
    delete_after_load = False

    async def save(self, filename, contents):
        if filename == "never.txt":
            raise OSError("the bucket is full")
        FOLDER.mkdir(exist_ok=True)
        name = f"{len(list(FOLDER.iterdir()))}-{filename}"
        (FOLDER / name).write_bytes(contents)
        if filename == "crash.txt":
            os._exit(3)
        return f"bucket://{name}"

    async def load(self, file_url):
        return (FOLDER / file_url.removeprefix("bucket://")).read_bytes()

    async def delete(self, file_url):
        (FOLDER / file_url.removeprefix("bucket://")).unlink()

async def bot(runner_args):
    websocket = runner_args.websocket
    url = await websocket.receive_text()
    await websocket.send_text((await runner_args.file_storage.load(url)).decode())
    await websocket.receive()
`;
const FACTORY = 'def create_file_storage():\n    return Bucket()\n';

describeWith('Pipecat')('uploads to the storage of a bot.py', () => {
  let dir: string;
  let running: ProcessHost | undefined;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'python-uploads-'));
  });
  afterEach(async () => {
    await running?.host.close();
    running = undefined;
    rmSync(dir, { recursive: true });
  });

  const launcherOf = (source: string): ProcessBotLauncher => {
    writeFileSync(join(dir, 'bot.py'), source);
    return new ProcessBotLauncher({ python: join(dir, 'bot.py'), pythonPath: PIPECAT_PYTHON });
  };

  async function start(source: string, options: RunnerModuleExtras = {}) {
    const launcher = launcherOf(source);
    const fileStorage = await launcher.fileStorage();
    running = await ProcessHost.start(
      { python: join(dir, 'bot.py') },
      {
        launcher: { useValue: launcher },
        ...(fileStorage && { fileStorage: { useValue: fileStorage } }),
        ...options,
      },
    );
    return { url: running.host.url, fileStorage };
  }

  async function upload(url: string, name: string, text: string) {
    const form = new FormData();
    form.append('file', new Blob([text]), name);
    const response = await fetch(url, { method: 'POST', body: form });
    return { status: response.status, json: (await response.json()) as Record<string, unknown> };
  }
  const bucket = () => (existsSync(join(dir, 'bucket')) ? readdirSync(join(dir, 'bucket')) : []);

  it('reach the bot, and are deleted with their session', async () => {
    const { url, fileStorage } = await start(BOT + FACTORY);
    const socket = await running!.open({});
    const { id, ended } = running!.sessions[0]!;
    const uploaded = await upload(`${url}/sessions/${id}/files`, 'a.txt', 'hello bot');
    expect(uploaded).toMatchObject({
      status: 200,
      json: { name: 'a.txt', source: { type: 'url', url: 'bucket://0-a.txt' } },
    });
    expect(String(await fileStorage!.load('bucket://0-a.txt'))).toBe('hello bot');
    socket.send('bucket://0-a.txt');
    expect(await nextText(socket)).toBe('hello bot');
    expect(bucket()).toEqual(['0-a.txt']);
    socket.close();
    await ended;
    expect(bucket()).toEqual([]);
  });

  it('fail with the reason in the log, and go on', async () => {
    const { url, fileStorage } = await start(BOT + FACTORY);
    expect((await upload(`${url}/files`, 'never.txt', 'x')).status).toBe(500);
    await running!.lines.with('OSError: the bucket is full');
    expect((await upload(`${url}/files`, 'crash.txt', 'x')).status).toBe(500);
    await running!.lines.with("The process of the bot's storage exited with code 3");
    expect((await upload(`${url}/files`, 'b.txt', 'y')).json).toMatchObject({
      source: { url: 'bucket://1-b.txt' },
    });
    await expect(fileStorage!.load('bucket://none')).rejects.toThrow(/FileNotFoundError/);
  });

  it('fail when the bot brings no storage after all', async () => {
    const { url } = await start(`${BOT}def create_file_storage():\n    return None\n`);
    expect((await upload(`${url}/files`, 'a.txt', 'x')).status).toBe(500);
    await running!.lines.with('create_file_storage() returned None');
  });

  it('are not the bot’s matter without create_file_storage()', async () => {
    expect(await launcherOf(BOT).fileStorage()).toBeUndefined();
    expect(await launcherOf('def create_file_storage(:').fileStorage()).toBeUndefined();
    expect(await new ProcessBotLauncher({ command: 'bot' }).fileStorage()).toBeUndefined();
  });

  it('are found beside a server.py', async () => {
    launcherOf(BOT + FACTORY);
    writeFileSync(join(dir, 'server.py'), 'app = 1\n');
    const python = join(dir, 'server.py');
    const launcher = new ProcessBotLauncher({ python, pythonPath: PIPECAT_PYTHON });
    expect(await launcher.fileStorage()).toBeDefined();
  });

  it('are looked for while the runner does other things', async () => {
    const pythonPath = join(dir, 'slow-python');
    writeFileSync(pythonPath, '#!/bin/sh\nsleep 1\necho True\n', { mode: 0o755 });
    const python = join(dir, 'bot.py');
    writeFileSync(python, BOT);
    const looked = new ProcessBotLauncher({ python, pythonPath }).fileStorage();
    expect(await Promise.race([looked, setTimeout(10, 'something else')])).toBe('something else');
    expect(await looked).toBeDefined();
  });

  it('are on by themselves in the standalone runner', async () => {
    launcherOf(BOT + FACTORY);
    const runner = await ChildHost.startWith(
      { PATH: `${dirname(PIPECAT_PYTHON!)}:${process.env.PATH}` },
      'dist/main.js',
      ...['--host', '127.0.0.1', '--port', '0', '--bot', join(dir, 'bot.py')],
    );
    try {
      const { json } = await post(`${runner.url}/start`, { transport: 'webrtc' });
      expect(json.fileUploadUrl).toBe(`/sessions/${String(json.sessionId)}/files`);
      const { json: file } = await upload(`${runner.url}/files`, 'a.txt', 'x');
      expect(file).toMatchObject({ source: { url: 'bucket://0-a.txt' } });
    } finally {
      await runner.kill();
    }
  });
});
