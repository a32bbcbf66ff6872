import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CACHE, cached, nodeBin } from './cache.js';
import { packageManager } from './package-managers.js';
import { environment, run } from './processes.js';

const FILES = fileURLToPath(new URL('../files/', import.meta.url));

/**
 * An application as `nest new` makes it, with its own packages and nothing else.
 * @param cli the major version of `@nestjs/cli`
 */
function scaffold(cli, manager) {
  return cached(join('scaffolds', `nest${cli}-${manager}`), async (folder) => {
    // The generator of CLI 12 wants it.
    const env = environment(await nodeBin(22));
    const generated = await cached(join('scaffolds', `nest${cli}`), (parent) =>
      run(
        'npx',
        [
          ...['--yes', `@nestjs/cli@${cli}`, 'new', 'host'],
          ...['--skip-git', '--skip-install', '--package-manager', 'npm'],
        ],
        { cwd: parent, env },
      ),
    );
    cpSync(join(generated, 'host'), folder, { recursive: true });
    await (await packageManager(manager)).install({ cwd: folder, env });
  });
}

/** A copy of such an application, to be changed. */
export async function createApp(name, { cli, manager, node }) {
  const source = await scaffold(cli, manager);
  const cwd = join(CACHE, 'apps', name.replace(/[^\w.-]+/g, '-'));
  await run('rm', ['-rf', cwd], {});
  mkdirSync(cwd, { recursive: true });
  await copyApp(source, cwd);
  return new App(cwd, cli, await packageManager(manager), environment(await nodeBin(node)));
}

/** Its packages as hard links, which package managers replace; what they write into is copied. */
async function copyApp(source, cwd) {
  await run('cp', ['-al', join(source, 'node_modules'), cwd], { cwd });
  const own = readdirSync(source).filter((name) => name !== 'node_modules');
  const notes = readdirSync(join(source, 'node_modules'), { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => join('node_modules', name));
  for (const name of [...own, ...notes, 'node_modules/.pnpm/lock.yaml']) {
    if (!existsSync(join(source, name))) continue;
    rmSync(join(cwd, name), { recursive: true, force: true });
    cpSync(join(source, name), join(cwd, name), { recursive: true });
  }
}

class App {
  constructor(cwd, cli, manager, env) {
    Object.assign(this, { cwd, cli, manager, env });
  }

  /** True when its sources are ECMAScript modules, and its tests run in Vitest, not Jest. */
  get isEsm() {
    return this.cli >= 12;
  }

  exec(command, args, options) {
    return run(command, args, { cwd: this.cwd, env: this.env, ...options });
  }

  bin(name, args, options) {
    return this.exec(join(this.cwd, 'node_modules', '.bin', name), args, options);
  }

  add(...packages) {
    return this.manager.add(packages, this);
  }

  addDev(...packages) {
    return this.manager.addDev(packages, this);
  }

  script(name) {
    return this.manager.script(name, this);
  }

  /** Copies a file of `test/hosts/files`; relative imports get the extension that this application's have. */
  copy(file, to = file) {
    const text = readFileSync(join(FILES, file), 'utf8');
    this.write(to, this.isEsm ? text.replace(/(from '\.[^']*)'/g, "$1.js'") : text);
  }

  write(file, text) {
    const path = join(this.cwd, file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }

  change(file, ...replacements) {
    let text = readFileSync(join(this.cwd, file), 'utf8');
    for (const [from, to] of replacements) {
      if (!text.includes(from)) throw new Error(`${file} of the scaffold has no '${from}'`);
      text = text.replace(from, to);
    }
    this.write(file, text);
  }
}
