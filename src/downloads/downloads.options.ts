import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { checkOptions } from '../validation/options.js';

/** Options of {@link DownloadsModule}. */
export interface DownloadsOptions {
  /** Folder whose files are served, such as `./recordings`. */
  folder: string;
}

/** DI token of the {@link DownloadsOptions}. */
export const DOWNLOADS_OPTIONS = Symbol('DOWNLOADS_OPTIONS');

/** @throws {InvalidOptionsError} */
export function checkDownloadsOptions(options: DownloadsOptions): DownloadsOptions {
  const { folder = '' } = options;
  checkOptions(
    'DownloadsModule',
    { folder },
    { folder: (value) => (isFolder(value) ? undefined : 'must be a folder that exists') },
  );
  return { folder: resolve(folder) };
}

const isFolder = (path: unknown): boolean =>
  typeof path === 'string' &&
  path !== '' &&
  statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
