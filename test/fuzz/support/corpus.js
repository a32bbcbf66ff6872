import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const CORPUS = fileURLToPath(new URL('../corpus', import.meta.url));

/** Bytes are written as `{ $base64 }`. */
const encode = (_key, value) => {
  const bytes = value?.type === 'Buffer' ? Buffer.from(value.data) : value;
  return bytes instanceof Uint8Array ? { $base64: Buffer.from(bytes).toString('base64') } : value;
};
const decode = (_key, value) =>
  typeof value?.$base64 === 'string' ? Buffer.from(value.$base64, 'base64') : value;

/** Returns the sequences of inputs of a target that were findings once. */
export function corpusOf(target) {
  const folder = join(CORPUS, target);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .sort()
    .map((file) => JSON.parse(readFileSync(join(folder, file), 'utf8'), decode).inputs);
}

/** Writes a finding, to be replayed first from now on. @returns the path of the file */
export function addToCorpus(target, { kind, detail, seed, path, inputs }) {
  const text = JSON.stringify({ kind, detail, seed, path, inputs }, encode, 1);
  const digest = createHash('sha256').update(text).digest('hex').slice(0, 8);
  const folder = join(CORPUS, target);
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${kind}-${digest}.json`);
  writeFileSync(file, `${text}\n`);
  return file;
}
