import { type FileStorage, NoFileStorage } from '../bot/file-storage.js';
import {
  type Check,
  checkOptions,
  milliseconds,
  text,
  withoutUndefined,
} from '../validation/options.js';
import { FolderFileStorage } from './folder-file-storage.js';

/** Options of file uploads: `POST /files` and `POST /sessions/:id/files`. */
export interface UploadsOptions {
  /**
   * Folder of the uploaded files, created when it is needed. No two runners may share one.
   * @default none: `fileStorage` has the files, or else uploads are off
   */
  folder?: string;
  /**
   * Files that are kept of each session, and of the uploads without a session; the oldest are deleted. All files of a session are deleted
   * when it ends.
   * @default 10
   */
  maxFiles?: number;
  /**
   * Largest file, in bytes. A larger one is answered with 413.
   * @default 52_428_800
   */
  maxBytes?: number;
  /**
   * Uploads at a time. Another one is answered with 429.
   * @default 100
   */
  maxConcurrent?: number;
  /**
   * Longest duration of an upload, in milliseconds; then it is answered with 400.
   * @default 300_000
   */
  timeoutMs?: number;
}

/** {@link UploadsOptions} with every default filled in. */
export type ResolvedUploadsOptions = Required<Omit<UploadsOptions, 'folder'>> &
  Pick<UploadsOptions, 'folder'>;

/** DI token of the {@link ResolvedUploadsOptions}. */
export const UPLOADS_OPTIONS = Symbol('UPLOADS_OPTIONS');

const DEFAULTS = {
  maxFiles: 10,
  maxBytes: 52_428_800,
  maxConcurrent: 100,
  timeoutMs: 300_000,
};

const count: Check = (value) =>
  (Number.isSafeInteger(value) && (value as number) >= 1) || value === Infinity
    ? undefined
    : 'must be a whole number of at least 1, or Infinity';

/**
 * Fills in the defaults.
 * @throws {InvalidOptionsError} naming every invalid option
 */
export function resolveUploadsOptions(options: UploadsOptions = {}): ResolvedUploadsOptions {
  checkOptions<UploadsOptions>('uploads of RunnerModule', options, {
    folder: text,
    maxFiles: count,
    maxBytes: count,
    maxConcurrent: count,
    timeoutMs: milliseconds(1),
  });
  return { ...DEFAULTS, ...withoutUndefined(options) };
}

/** Returns the storage where the host gives none: the folder of the options, if any. */
export const folderStorage = ({ folder, maxFiles }: ResolvedUploadsOptions): FileStorage =>
  folder === undefined ? new NoFileStorage() : new FolderFileStorage(folder, maxFiles);
