import { type FileStorage, NoFileStorage } from '../bot/file-storage.js';
import { IsText, Milliseconds, WholeNumber } from '../validation/option.decorators.js';
import type { WithDefaults } from '../validation/options.js';
import { FolderFileStorage } from './folder-file-storage.js';

/** Options of file uploads: `POST /files` and `POST /sessions/:id/files`. */
export class UploadsOptions {
  /**
   * Folder of the uploaded files, created when it is needed. No two runners may share one.
   * @default none: `fileStorage` has the files, or else uploads are off
   */
  @IsText()
  folder?: string;
  /**
   * Files that are kept of each session, and of each principal's uploads without a session; the oldest are deleted. All files of a session are deleted
   * when it ends.
   * @default 10
   */
  @WholeNumber(1, { infinite: true })
  maxFiles?: number = 10;
  /**
   * Largest file, in bytes. A larger one is answered with 413.
   * @default 52_428_800
   */
  @WholeNumber(1)
  maxBytes?: number = 52_428_800;
  /**
   * Uploads at a time. Another one is answered with 429.
   * @default 100
   */
  @WholeNumber(1)
  maxConcurrent?: number = 100;
  /**
   * Uploads of one principal (its `id`) at a time. Another one is answered with 429. Set it where tenants share a runner.
   * @default as many as `maxConcurrent`
   */
  @WholeNumber(1)
  maxConcurrentPerPrincipal?: number;
  /**
   * Longest duration of an upload, in milliseconds; then it is answered with 400.
   * @default 300_000
   */
  @Milliseconds(1)
  timeoutMs?: number = 300_000;
}

/** {@link UploadsOptions} with every default filled in. */
export type ResolvedUploadsOptions = WithDefaults<
  UploadsOptions,
  'folder' | 'maxConcurrentPerPrincipal'
>;

/** DI token of the {@link ResolvedUploadsOptions}. */
export const UPLOADS_OPTIONS = Symbol('UPLOADS_OPTIONS');

/** Returns the storage where the host gives none: the folder of the options, if any. */
export const folderStorage = ({ folder, maxFiles }: ResolvedUploadsOptions): FileStorage =>
  folder === undefined ? new NoFileStorage() : new FolderFileStorage(folder, maxFiles);
