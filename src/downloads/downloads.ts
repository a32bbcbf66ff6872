import { realpath, stat } from 'node:fs/promises';
import { relative, resolve, isAbsolute, sep } from 'node:path';
import { Inject, Injectable } from '@nestjs/common';
import { RunnerError } from '../errors/runner.error.js';
import { isInstance } from '../errors/thrown.js';
import { DOWNLOADS_OPTIONS, type DownloadsOptions } from './downloads.options.js';

/** File lookup confined to the downloads folder. */
@Injectable()
export class Downloads {
  constructor(@Inject(DOWNLOADS_OPTIONS) private readonly options: DownloadsOptions) {}

  /**
   * @param encoded URL-encoded path of a file below the folder
   * @returns the real path of the file, with symbolic links resolved
   * @throws {RunnerError} `NOT_FOUND`, or `FORBIDDEN` for a path outside the folder
   */
  async find(encoded: string): Promise<string> {
    const { folder } = this.options;
    const path = resolve(folder, decode(encoded));
    if (!isBelow(folder, path)) throw outside();
    try {
      const real = await realpath(path);
      if (!isBelow(await realpath(folder), real)) throw outside();
      if ((await stat(real)).isFile()) return real;
    } catch (error) {
      if (isInstance(error, RunnerError)) throw error;
    }
    throw noSuchFile();
  }
}

function decode(encoded: string): string {
  try {
    const path = decodeURIComponent(encoded);
    if (!path.includes('\0')) return path;
  } catch {
    // Malformed percent-encoding is not found either.
  }
  throw noSuchFile();
}

function isBelow(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

const noSuchFile = (): RunnerError => new RunnerError('NOT_FOUND', 'There is no such file.');
const outside = (): RunnerError =>
  new RunnerError('FORBIDDEN', 'Only files of the downloads folder can be had.');
