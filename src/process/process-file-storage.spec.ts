import { rmSync } from 'node:fs';
import { access } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Readable } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import { ProcessFileStorage } from './process-file-storage.js';

interface FileMessage {
  readonly id: number;
  readonly path: string;
}

/** A storage whose process calls back for each file that it is asked to save, and has saved it. */
function storage(saving: (path: string) => void): ProcessFileStorage {
  const process = {
    loaded: Promise.resolve(),
    exited: new Promise(() => undefined),
    onMessage: (_: object): void => undefined,
    send({ id, path }: FileMessage): void {
      saving(path);
      process.onMessage({ type: 'file', id, url: 'saved' });
    },
  };
  return Reflect.construct(ProcessFileStorage, [() => process]) as ProcessFileStorage;
}
const upload = () => ({ name: 'x', format: 'text/plain', content: Readable.from(['hello']) });

describe('the file storage of a bot in a process of its own', () => {
  it('saves again after the system has cleaned the folder of temporary files', async () => {
    const files = storage((path) => rmSync(dirname(path), { recursive: true }));
    await expect(files.save(upload())).resolves.toBe('saved');
    await expect(files.save(upload())).resolves.toBe('saved');
  });

  it('leaves no temporary file behind', async () => {
    let at = '';
    await storage((path) => (at = path)).save(upload());
    await expect(access(dirname(at))).rejects.toThrow('ENOENT');
  });
});
