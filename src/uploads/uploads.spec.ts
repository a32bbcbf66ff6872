import { getEventListeners } from 'node:events';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { FileStorage, type FileUpload } from '../bot/file-storage.js';
import { SessionEnd } from '../bot/session-end.js';
import { Logger } from '@nestjs/common';
import type { RunnerRequest } from '../http/runner-request.js';
import { Session } from '../sessions/session.js';
import { resolveOptions } from '../validation/options.js';
import { Uploads } from './uploads.js';
import { type ResolvedUploadsOptions, UploadsOptions } from './uploads.options.js';

Logger.overrideLogger(false);
afterEach(() => void jest.useRealTimers());

const FORM =
  '--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\nhello\r\n--b--\r\n';

/** A storage in memory. */
class Shelf extends FileStorage {
  readonly files = new Map<string, Buffer>();

  constructor(private readonly until: () => Promise<unknown> = () => Promise.resolve()) {
    super();
  }

  async save({ content }: FileUpload): Promise<string> {
    const url = `shelf:${this.files.size}`;
    this.files.set(url, await buffer(content));
    await this.until();
    return url;
  }

  async load(url: string): Promise<Buffer> {
    return this.files.get(url)!;
  }

  async delete(url: string): Promise<void> {
    this.files.delete(url);
  }
}

function uploadsTo(storage: FileStorage, given: UploadsOptions = {}): Uploads {
  const options = resolveOptions<ResolvedUploadsOptions>('uploads', new UploadsOptions(), given);
  return new Uploads(options, storage);
}

const request = (form = FORM): RunnerRequest =>
  ({
    method: 'POST',
    headers: { 'content-type': 'multipart/form-data; boundary=b' },
    raw: Readable.from([Buffer.from(form)]),
    taken: { leftBytes: Infinity },
    rawBody: Buffer.alloc(0),
  }) as unknown as RunnerRequest;

const session = (): Session => new Session('3f6c', { transport: 'websocket' }, () => undefined);

describe('an upload', () => {
  it.each([
    ['is stored', FORM],
    ['breaks off', FORM.slice(0, -10)],
  ])('that %s leaves no timer, no listener and no place', async (_, form) => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] });
    const uploads = uploadsTo(new Shelf(), { maxConcurrent: 1 });
    const one = session();
    for (let i = 0; i < 3; i++) {
      const received = uploads.receive(request(form), one);
      if (form === FORM) await expect(received).resolves.toMatchObject({ name: 'a.txt' });
      else await expect(received).rejects.toMatchObject({ code: 'BAD_REQUEST' });
    }
    expect(getEventListeners(one.signal, 'abort')).toEqual([]);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('whose session ends while it is stored is refused and deleted', async () => {
    const one = session();
    const shelf = new Shelf(() => one.end(new SessionEnd('stopped', 'enough')));
    await expect(uploadsTo(shelf).receive(request(), one)).rejects.toMatchObject({
      code: 'WRONG_STATE',
    });
    await new Promise(setImmediate);
    expect(shelf.files.size).toBe(0);
  });

  it('that its storage has not read to the end is refused', async () => {
    const shelf = new Shelf();
    shelf.save = () => Promise.resolve('shelf:early');
    await expect(uploadsTo(shelf).receive(request())).rejects.toMatchObject({
      code: 'STORAGE_FAILED',
    });
  });
});

describe('the files of a session', () => {
  it('are its newest, until it ends', async () => {
    const shelf = new Shelf();
    const urls: string[] = [];
    shelf.delete = async (url) => void urls.push(url);
    const [uploads, one] = [uploadsTo(shelf, { maxFiles: 2 }), session()];
    for (let i = 0; i < 3; i++) await uploads.receive(request(), one);
    expect(urls).toEqual(['shelf:0']);
    await one.end(new SessionEnd('stopped', 'enough'));
    expect(urls).toEqual(['shelf:0', 'shelf:1', 'shelf:2']);
  });
});
