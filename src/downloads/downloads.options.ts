import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { Accepts } from '../validation/option.decorators.js';
import { resolveOptions } from '../validation/options.js';

/** True also for a folder that is made later, such as by a bot with its first recording. */
const canBeFolder = (path: unknown): boolean =>
  typeof path === 'string' &&
  path !== '' &&
  statSync(path, { throwIfNoEntry: false })?.isDirectory() !== false;

/** Options of {@link DownloadsModule}. */
export class DownloadsOptions {
  /** Folder whose files are served, such as `./recordings`. It may be made later. */
  @Accepts('must be a folder', canBeFolder)
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
