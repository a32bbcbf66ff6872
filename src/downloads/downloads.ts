import { realpath, stat } from 'node:fs/promises';
import { relative, resolve, isAbsolute, sep } from 'node:path';
import { Inject, Injectable } from '@nestjs/common';
import { RunnerError } from '../errors/runner.error.js';
import { isInstance } from '../errors/thrown.js';
import { DOWNLOADS_OPTIONS, type DownloadsOptions } from './downloads.options.js';

/** Finds files below the downloads folder, and nothing else. */
@Injectable()
export class Downloads {
  constructor(@Inject(DOWNLOADS_OPTIONS) private readonly options: DownloadsOptions) {}

  /**
   * @param encoded the path of a file below the folder, as it stands in a URL
   * @returns where the file is, whatever links lead there
   * @throws {RunnerError} `NOT_FOUND`, or `FORBIDDEN` for what is outside the folder
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
    // Neither is what is no text.
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
