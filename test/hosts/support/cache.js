import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { environment, run } from './processes.js';

/** Where everything lives that is made once: other Nodes, package managers, TypeScripts and generated applications. */
export const CACHE = join(
  process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'),
  'nestjs-pipecat-runner',
  'hosts',
);

const OWN_NODE = dirname(process.execPath);
const making = new Map();

/**
 * Makes a folder of the cache unless it is there, once at a time.
 * @param make fills the folder that it is given
 */
export function cached(name, make) {
  const folder = join(CACHE, name);
  if (existsSync(folder)) return folder;
  const made =
    making.get(name) ??
    (async () => {
      const unfinished = `${folder}.unfinished`;
      rmSync(unfinished, { recursive: true, force: true });
      mkdirSync(unfinished, { recursive: true });
      await make(unfinished);
      renameSync(unfinished, folder);
      return folder;
    })();
  making.set(name, made);
  return made;
}

/** Installs packages of the npm registry into a folder of their own. @param packages such as `pnpm@12` */
export async function installed(...packages) {
  const name = join('tools', packages.join('+').replace(/[^\w.+-]/g, '_'));
  return cached(name, async (folder) => {
    writeFileSync(join(folder, 'package.json'), '{ "private": true }');
    await run('npm', ['install', '--no-audit', '--no-fund', ...packages], {
      cwd: folder,
      env: environment(OWN_NODE),
    });
  });
}

/** The folder with the binary of a version of Node: the one that runs this, or a package of the npm registry. */
export async function nodeBin(major) {
  if (process.versions.node.startsWith(`${major}.`)) return OWN_NODE;
  return join(await installed(`node@${major}`), 'node_modules', 'node', 'bin');
}

/** Results of earlier runs: names of cells that passed, by package and suite. */
export class Passed {
  file = join(CACHE, 'passed.json');

  constructor(key) {
    this.key = key;
    const stored = existsSync(this.file) ? JSON.parse(readFileSync(this.file, 'utf8')) : {};
    this.cells = stored.key === key ? stored.cells : {};
  }

  add(name, steps) {
    this.cells[name] = steps;
    mkdirSync(CACHE, { recursive: true });
    writeFileSync(this.file, JSON.stringify({ key: this.key, cells: this.cells }));
  }
}
