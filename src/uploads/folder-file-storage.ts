import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { FileStorage, type FileUpload } from '../bot/file-storage.js';
import { RunnerLogger } from '../errors/runner-logger.js';
import { RunnerError } from '../errors/runner.error.js';
import { fieldOf, textOfThrown } from '../errors/thrown.js';

/** Scheme of the URLs. */
const SCHEME = 'pipecat:';
const ID = /^[0-9a-f]{32}$/;
/** Suffix of a file that is still being written. */
const PARTIAL = '.part';

/**
 * File storage in a folder of its own: `pipecat:<id>` is the file `<id>`, as for `LocalFileStorage` of Pipecat. The folder is created with
 * the first file. No two runners may share one, since each deletes old files.
 */
export class FolderFileStorage extends FileStorage {
  /** Absolute path of the folder. */
  readonly folder: string;
  /** Ids of the files of sessions, which are not deleted for being old. */
  private readonly ofSessions = new Set<string>();
  /** Principals of the files without a session, while this process knows them. */
  private readonly principals = new Map<string, string>();
  private cleaned: Promise<unknown> | undefined;

  /** @param maxFiles files without a session that are kept of each principal, the newest */
  constructor(
    folder: string,
    private readonly maxFiles = 10,
  ) {
    super();
    this.folder = resolve(folder);
  }

  async save({ content, sessionId, principalId }: FileUpload): Promise<string> {
    const id = randomUUID().replaceAll('-', '');
    const partial = this.pathOf(id) + PARTIAL;
    if (sessionId !== undefined) this.ofSessions.add(id);
    else if (principalId !== undefined) this.principals.set(id, principalId);
    try {
      await mkdir(this.folder, { recursive: true });
      await this.clean();
      await pipeline(content, createWriteStream(partial, { flags: 'wx', mode: 0o600 }));
      await rename(partial, this.pathOf(id));
    } catch (error) {
      this.forget(id);
      await this.remove(id + PARTIAL);
      throw error;
    }
    if (sessionId === undefined) await this.deleteOld(principalId);
    return SCHEME + id;
  }

  async load(url: string): Promise<Buffer> {
    const id = idOf(url);
    try {
      if (id !== undefined) return await readFile(this.pathOf(id));
    } catch (error) {
      if (fieldOf(error, 'code') !== 'ENOENT') throw error;
    }
    throw new RunnerError('NOT_FOUND', 'There is no such file, or it has been deleted.');
  }

  async delete(url: string): Promise<void> {
    const id = idOf(url);
    if (id === undefined) return;
    this.forget(id);
    await this.remove(id);
  }

  private forget(id: string): void {
    this.ofSessions.delete(id);
    this.principals.delete(id);
  }

  /** Cleans the folder before its first file, and again where that failed, as without descriptors. */
  private async clean(): Promise<void> {
    try {
      await (this.cleaned ??= this.deletePartial());
    } catch (error) {
      this.cleaned = undefined;
      throw error;
    }
  }

  /** Deletes what a process that crashed left behind. */
  private async deletePartial(): Promise<void> {
    const names = await readdir(this.folder);
    await Promise.all(
      names.map(async (name) => {
        const isPartial = name.endsWith(PARTIAL) && ID.test(name.slice(0, -PARTIAL.length));
        if (isPartial) await this.remove(name);
      }),
    );
  }

  private async deleteOld(principalId: string | undefined): Promise<void> {
    try {
      const ids = (await readdir(this.folder)).filter(
        (name) =>
          ID.test(name) && !this.ofSessions.has(name) && this.principals.get(name) === principalId,
      );
      if (ids.length <= this.maxFiles) return;
      const files = await Promise.all(
        // Another upload may delete it meanwhile.
        ids.map(async (id) => ({
          id,
          at: (await stat(this.pathOf(id)).catch(() => null))?.mtimeMs,
        })),
      );
      files.sort((a, b) => (b.at ?? 0) - (a.at ?? 0));
      await Promise.all(files.slice(this.maxFiles).map(({ id }) => this.delete(SCHEME + id)));
    } catch (error) {
      logFailure(error);
    }
  }

  /** Deletes a file. Never rejects. */
  private remove(name: string): Promise<void> {
    return rm(this.pathOf(name), { force: true }).catch(logFailure);
  }

  private pathOf(name: string): string {
    return join(this.folder, name);
  }
}

function idOf(url: string): string | undefined {
  const id = url.startsWith(SCHEME) ? url.slice(SCHEME.length) : '';
  return ID.test(id) ? id : undefined;
}

const logFailure = (error: unknown): void =>
  new RunnerLogger('PipecatRunner').warn(
    `old uploads could not be deleted: ${textOfThrown(error).text}`,
  );
