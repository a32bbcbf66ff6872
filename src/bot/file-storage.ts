import type { Readable } from 'node:stream';
import { RunnerError } from '../errors/runner.error.js';

/** A file to be stored. */
export interface FileUpload {
  /** File name given by the client, without path and control characters; at most 255 characters. It is not unique. */
  readonly name: string;
  /** Media type, such as `application/pdf`. */
  readonly format: string;
  /** Content. It ends when the whole upload has been received, and is destroyed with an error otherwise. */
  readonly content: Readable;
  /** Session of the upload. The runner deletes its files when it ends. */
  readonly sessionId?: string;
  /** `id` of the principal of the upload, where it has one. */
  readonly principalId?: string;
}

/**
 * Storage of uploaded files, and its DI token. A file is known by its URL, such as `pipecat:0af7651916cd43dd8448eb211c80319c`, which the
 * client sends to the bot.
 */
export abstract class FileStorage {
  /**
   * Stores a file. It reads the content to its end, and leaves nothing behind when that fails.
   * @returns URL of the file, which nobody can guess
   */
  abstract save(file: FileUpload): Promise<string>;

  /** Returns the content of a file. @throws for an unknown URL */
  abstract load(url: string): Promise<Buffer>;

  /** Deletes a file. An unknown URL is no error. */
  abstract delete(url: string): Promise<void>;
}

const OFF =
  'This runner takes no uploads: set uploads: { folder } or fileStorage in RunnerModule.forRoot({ … }), or start pipecat-runner with --uploads-folder.';

/** Returns the error of an upload without a storage. */
export const uploadsOff = (): RunnerError => new RunnerError('UPLOADS_OFF', OFF);

/** Default storage, when uploads are off. */
export class NoFileStorage extends FileStorage {
  async save(): Promise<string> {
    throw uploadsOff();
  }

  async load(): Promise<Buffer> {
    throw uploadsOff();
  }

  async delete(): Promise<void> {}
}
