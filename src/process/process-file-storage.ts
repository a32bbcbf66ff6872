import { execFile } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { FileStorage, type FileUpload } from '../bot/file-storage.js';
import { within } from '../errors/attempt.js';
import { packageFile } from '../packages.js';
import type { BotMessage, FileRequest } from './bot-messages.js';
import { pythonOf } from './bot-program.js';
import type { BotProcess } from './bot-process.js';
import type { ResolvedProcessBotOptions } from './process-bot.options.js';

/** Timeout of the bot's storage for one file, in milliseconds. */
const TIMEOUT_MS = 120_000;
/** Timeout of the look-up, in milliseconds. */
const LOOK_UP_MS = 10_000;
const execute = promisify(execFile);
const LOADING = 'python/bot_host_loading.py';

/** True for a Python bot whose file defines `create_file_storage()`. Its program is read, not run. */
async function hasFileStorage(options: ResolvedProcessBotOptions): Promise<boolean> {
  if (options.python === undefined) return false;
  const { command, args, cwd, env } = pythonOf(options);
  const program = [packageFile(LOADING), resolve(options.python), 'create_file_storage'];
  try {
    const { stdout } = await execute(command, [...args, ...program], {
      cwd,
      env,
      timeout: LOOK_UP_MS,
    });
    return stdout.trim() === 'True';
  } catch {
    // The log of the bot's first process says what is wrong with the interpreter.
    return false;
  }
}

type Answer = Extract<BotMessage, { type: 'file' }>;

interface Question {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
}

/** Storage that a Python bot brings along, `create_file_storage()`, in a process of its own. The process starts with the first file, and again when it exited. */
export class ProcessFileStorage extends FileStorage {
  private readonly questions = new Map<number, Question>();
  private process: BotProcess | undefined;
  /** Deletions one after the other, since all files of many sessions may be deleted at once. */
  private deleted: Promise<unknown> = Promise.resolve();
  private count = 0;

  /** @param start starts a process of the bot */
  private constructor(private readonly start: () => BotProcess) {
    super();
  }

  /** Returns the storage of a bot that brings one along. */
  static async of(
    options: ResolvedProcessBotOptions,
    start: () => BotProcess,
  ): Promise<ProcessFileStorage | undefined> {
    return (await hasFileStorage(options)) ? new ProcessFileStorage(start) : undefined;
  }

  save({ name, content }: FileUpload): Promise<string> {
    return this.withFile(async (path) => {
      await pipeline(content, createWriteStream(path, { flags: 'wx', mode: 0o600 }));
      const { url } = await this.ask({ do: 'save', name, path });
      if (url === undefined) throw new TypeError('save() of the bot returned no URL');
      return url;
    });
  }

  load(url: string): Promise<Buffer> {
    return this.withFile(async (path) => {
      await this.ask({ do: 'load', url, path });
      return readFile(path);
    });
  }

  async delete(url: string): Promise<void> {
    const before = this.deleted.catch(() => undefined);
    await (this.deleted = before.then(() => this.ask({ do: 'delete', url })));
  }

  /** Ends the process. */
  async close(): Promise<void> {
    this.process?.kill('SIGTERM');
    await this.process?.exited;
  }

  /** Passes a content on in a file of its own folder, which is deleted then: the system may clean its temporary files at any time. */
  private async withFile<T>(use: (path: string) => Promise<T>): Promise<T> {
    const folder = await mkdtemp(join(tmpdir(), 'pipecat-files-'));
    try {
      return await use(join(folder, 'file'));
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  /** @throws {Error} with the reason of the bot's storage, or of its process */
  private async ask(request: FileRequest): Promise<Answer> {
    const process = (this.process ??= this.run());
    await process.loaded;
    const id = ++this.count;
    const answered = new Promise<Answer>((resolve, reject) => {
      this.questions.set(id, { resolve, reject });
    });
    process.send({ type: 'file', id, ...request });
    const tooLong = (): Error =>
      new Error(`the bot's storage did not ${request.do} a file within ${TIMEOUT_MS} ms`);
    try {
      const answer = await within(TIMEOUT_MS, answered, tooLong);
      if (answer.error !== undefined) throw new Error(answer.error);
      return answer;
    } finally {
      this.questions.delete(id);
    }
  }

  private run(): BotProcess {
    const process = this.start();
    process.onMessage = (message) => {
      if (message.type === 'file') this.questions.get(message.id)?.resolve(message);
      if (message.type === 'failed') this.fail(new Error(message.message));
    };
    void process.exited.then((how) => {
      this.process = undefined;
      this.fail(new Error(`The process of the bot's storage ${how}.`));
    });
    return process;
  }

  private fail(error: Error): void {
    for (const { reject } of this.questions.values()) reject(error);
  }
}
