import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { Accepts } from '../validation/option.decorators.js';
import { resolveOptions } from '../validation/options.js';

const isFolder = (path: unknown): boolean =>
  typeof path === 'string' &&
  path !== '' &&
  statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;

/** Options of {@link DownloadsModule}. */
export class DownloadsOptions {
  /** Folder whose files are served, such as `./recordings`. */
  @Accepts('must be a folder that exists', isFolder)
  folder: string = '';
}

/** DI token of the {@link DownloadsOptions}. */
export const DOWNLOADS_OPTIONS = Symbol('DOWNLOADS_OPTIONS');

/** @throws {InvalidOptionsError} */
export function resolveDownloadsOptions(given: DownloadsOptions): DownloadsOptions {
  const options: DownloadsOptions = resolveOptions(
    'DownloadsModule',
    new DownloadsOptions(),
    given,
  );
  return { folder: resolve(options.folder) };
}
