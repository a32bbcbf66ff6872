import { Inject, Injectable } from '@nestjs/common';
import { FileStorage, type FileUpload, NoFileStorage, uploadsOff } from '../bot/file-storage.js';
import { logThrown, RunnerLogger } from '../errors/runner-logger.js';
import { RunnerError } from '../errors/runner.error.js';
import { fieldOf, textOfThrown } from '../errors/thrown.js';
import type { RunnerRequest } from '../http/runner-request.js';
import type { Session } from '../sessions/session.js';
import type { UploadedFile } from './dto/uploaded-file.dto.js';
import { saveFormFile } from './multipart-file.js';
import { type ResolvedUploadsOptions, UPLOADS_OPTIONS } from './uploads.options.js';

/** Errors of an upload. */
export const UPLOAD_ERRORS = [
  ...(['BAD_REQUEST', 'TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE', 'INVALID_FIELDS'] as const),
  ...(['AT_CAPACITY', 'STORAGE_FAILED', 'UPLOADS_OFF', 'STORAGE_FULL'] as const),
];

/** Uploads of files by clients, to the {@link FileStorage}. */
@Injectable()
export class Uploads {
  private readonly logger = new RunnerLogger('PipecatRunner');
  /** URLs of the files of each session, the oldest first. */
  private readonly files = new WeakMap<Session, string[]>();
  private current = 0;
  private readonly byPrincipal = new Map<string, number>();

  constructor(
    @Inject(UPLOADS_OPTIONS) private readonly options: ResolvedUploadsOptions,
    private readonly storage: FileStorage,
  ) {}

  /** True if there is a storage. */
  get isOn(): boolean {
    return !(this.storage instanceof NoFileStorage);
  }

  /**
   * Stores the file of a form.
   * @param session session that the file belongs to
   * @throws {RunnerError} one of {@link UPLOAD_ERRORS}, or `WRONG_STATE` when the session ends
   */
  async receive(request: RunnerRequest, session?: Session): Promise<UploadedFile> {
    const { maxBytes, timeoutMs } = this.options;
    const { id = '' } = request.principal ?? {};
    if (!this.isOn) throw uploadsOff();
    if (session?.ending) throw sessionEnded();
    this.requirePlace(id);
    const over = new AbortController();
    const { signal } = over;
    const timer = setTimeout(() => over.abort(tooSlow()), timeoutMs);
    const onEnd = (): void => over.abort(sessionEnded());
    session?.signal.addEventListener('abort', onEnd);
    this.count(id, 1);
    try {
      return await saveFormFile(request, { maxBytes, signal }, async (file) => {
        const url = await this.save({
          ...file,
          sessionId: session?.id,
          principalId: id || undefined,
        });
        if (session) await this.keep(url, session);
        signal.throwIfAborted();
        return { name: file.name, source: { type: 'url', url }, format: file.format };
      });
    } finally {
      this.count(id, -1);
      clearTimeout(timer);
      session?.signal.removeEventListener('abort', onEnd);
    }
  }

  /** @throws {RunnerError} `AT_CAPACITY` */
  private requirePlace(id: string): void {
    const { maxConcurrent, maxConcurrentPerPrincipal = maxConcurrent } = this.options;
    if (this.current >= maxConcurrent) {
      throw new RunnerError('AT_CAPACITY', `There are ${maxConcurrent} uploads at work already.`);
    }
    if (id === '' || (this.byPrincipal.get(id) ?? 0) < maxConcurrentPerPrincipal) return;
    throw new RunnerError(
      'AT_CAPACITY',
      `There are ${maxConcurrentPerPrincipal} uploads of yours at work already.`,
    );
  }

  private count(id: string, by: 1 | -1): void {
    this.current += by;
    const left = (this.byPrincipal.get(id) ?? 0) + by;
    if (left > 0) this.byPrincipal.set(id, left);
    else this.byPrincipal.delete(id);
  }

  /** @throws {RunnerError} `STORAGE_FULL` or `STORAGE_FAILED` */
  private async save(file: FileUpload): Promise<string> {
    try {
      const url: unknown = await this.storage.save(file);
      if (typeof url !== 'string' || url === '') throw new TypeError('save() returned no URL');
      if (file.content.readableEnded) return url;
      await this.delete(url);
      throw new TypeError('save() returned before the content had ended');
    } catch (error) {
      const isFull = ['ENOSPC', 'EDQUOT'].includes(String(fieldOf(error, 'code')));
      // The content has the error of an upload that broke off.
      if (!file.content.errored || isFull) {
        logThrown(this.logger, 'an upload could not be stored:', error);
      }
      throw isFull
        ? new RunnerError('STORAGE_FULL', 'The storage of uploads is full.')
        : new RunnerError('STORAGE_FAILED', 'The file could not be stored; the log says why.');
    }
  }

  /** Keeps a file until its session ends, or has too many. */
  private async keep(url: string, session: Session): Promise<void> {
    let urls = this.files.get(session);
    if (!urls) {
      this.files.set(session, (urls = []));
      const all = urls;
      session.onEnd(async () => {
        await Promise.all(all.splice(0).map((one) => this.delete(one)));
      });
    }
    urls.push(url);
    const { maxFiles } = this.options;
    const old =
      session.state.name === 'ended' ? urls.splice(0) : urls.splice(0, urls.length - maxFiles);
    await Promise.all(old.map((one) => this.delete(one)));
  }

  /** Deletes a file. Never rejects. */
  private async delete(url: string): Promise<void> {
    try {
      await this.storage.delete(url);
    } catch (error) {
      this.logger.warn(`an upload could not be deleted: ${textOfThrown(error).text}`);
    }
  }
}

const tooSlow = (): RunnerError => new RunnerError('BAD_REQUEST', 'The upload took too long.');

const sessionEnded = (): RunnerError =>
  new RunnerError('WRONG_STATE', 'The session ended before the upload was complete.');
