import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { FolderFileStorage } from './folder-file-storage.js';

let folder: string;
let storage: FolderFileStorage;
beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), 'storage-')), 'made', 'later');
  storage = new FolderFileStorage(folder, 2);
});
afterEach(() => rm(join(folder, '..', '..'), { recursive: true }));

const save = (text: string, sessionId?: string, principalId?: string): Promise<string> => {
  const file = { name: '../x', format: 'text/plain', content: Readable.from([text]) };
  return storage.save({ ...file, sessionId, principalId });
};

const idOf = (url: string): string => url.replace('pipecat:', '');
const isOf = (one: string) => expect.stringMatching(one);

describe('FolderFileStorage', () => {
  it('loads what it saved until it is deleted', async () => {
    const url = await save('hello');
    expect(url).toEqual(isOf('^pipecat:[0-9a-f]{32}$'));
    expect(String(await storage.load(url))).toBe('hello');
    await storage.delete(url);
    await storage.delete(url);
    await expect(storage.load(url)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it.each(['', 'pipecat:', 'pipecat:../secret', `pipecat:${'A'.repeat(32)}`, 'x'])(
    'neither loads nor deletes %j',
    async (url) => {
      const kept = await save('kept');
      await writeFile(join(folder, '..', 'secret'), 'of others');
      await expect(storage.load(url)).rejects.toMatchObject({ code: 'NOT_FOUND' });
      await storage.delete(url);
      expect(await readdir(folder)).toEqual([idOf(kept)]);
      expect(await readdir(join(folder, '..'))).toContain('secret');
    },
  );

  it('keeps the newest files of each principal, whoever else uploads', async () => {
    const kept = await save('kept', undefined, 'acme');
    for (let i = 0; i < 5; i++) await save(`${i}`, undefined, 'other');
    for (let i = 0; i < 5; i++) await save(`${i}`);
    expect(await readdir(folder)).toHaveLength(5);
    expect(String(await storage.load(kept))).toBe('kept');
  });

  it('saves again once there are descriptors, though there were none for its first file', async () => {
    const folderOf = storage as unknown as { deletePartial(): Promise<void> };
    const cleaning = jest.spyOn(folderOf, 'deletePartial');
    cleaning.mockRejectedValueOnce(new Error('EMFILE: too many open files'));
    await expect(save('first')).rejects.toThrow('EMFILE');
    expect(String(await storage.load(await save('second')))).toBe('second');
  });

  it('leaves nothing of content that fails', async () => {
    const content = Readable.from(
      (async function* () {
        yield 'half';
        throw new Error('broke off');
      })(),
    );
    await expect(storage.save({ name: 'x', format: 'x/y', content })).rejects.toThrow('broke off');
    expect(await readdir(folder)).toEqual([]);
  });

  it('deletes what a crashed process left, and old files, but nothing of others', async () => {
    const old = idOf(await save('before the crash'));
    await utimes(join(folder, old), 1, 1);
    await writeFile(join(folder, `${old}.part`), 'half');
    await writeFile(join(folder, 'notes.txt'), 'of somebody');
    storage = new FolderFileStorage(folder, 2);
    const ofSession = await save('of a session', 'session');
    const newer = [await save('1'), await save('2')];
    const names = [...newer, ofSession].map(idOf);
    expect((await readdir(folder)).sort()).toEqual([...names, 'notes.txt'].sort());
  });
});
