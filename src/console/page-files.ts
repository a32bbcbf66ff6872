import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { extname, join, relative, sep } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';

/** A file of the page, ready to be sent. */
export interface PageFile {
  readonly type: string;
  readonly body: Buffer;
  /** The same, compressed. */
  readonly gzipped: Buffer;
  /** An entity tag; a weak one, for both. */
  readonly etag: string;
  /** Whether its name changes with its contents. */
  readonly immutable: boolean;
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.md': 'text/markdown; charset=utf-8',
};

const compress = promisify(gzip);

/**
 * Reads a built page into memory, by paths such as `assets/index.js`. What is asked for later is looked up by name, so that no path
 * leads anywhere else.
 *
 * @throws {NodeJS.ErrnoException} when the folder cannot be read
 */
export async function readPage(folder: string): Promise<ReadonlyMap<string, PageFile>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  return new Map(
    await Promise.all(
      files.map(async ({ parentPath, name }) => {
        const path = join(parentPath, name);
        const key = relative(folder, path).split(sep).join('/');
        return [key, await pageFile(key, await readFile(path))] as const;
      }),
    ),
  );
}

async function pageFile(key: string, body: Buffer): Promise<PageFile> {
  return {
    type: TYPES[extname(key)] ?? 'application/octet-stream',
    body,
    gzipped: await compress(body),
    etag: `W/"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`,
    // Where the build puts what has a hash in its name.
    immutable: key.startsWith('assets/'),
  };
}
