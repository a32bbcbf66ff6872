import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { extname, join, relative, sep } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';

/** A file of the page in memory. */
export interface PageFile {
  readonly type: string;
  readonly body: Buffer;
  readonly gzipped: Buffer;
  /** Weak entity tag, valid for both encodings. */
  readonly etag: string;
  /** True when the name contains a content hash. */
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
 * Reads a built page into memory, by paths such as `assets/index.js`. Requests are looked up in it, so that path traversal is
 * impossible.
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
    // The build puts files with a hash in their name here.
    immutable: key.startsWith('assets/'),
  };
}
