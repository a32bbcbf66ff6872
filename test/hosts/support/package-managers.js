import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { installed } from './cache.js';
import { run } from './processes.js';

/** Each package manager: how it installs what a manifest has, and adds packages, without a flag. */
const MANAGERS = {
  npm: { packages: [], command: () => ['npm'], install: ['install'], add: ['install'], dev: '-D' },
  pnpm: {
    packages: ['pnpm@12'],
    command: (folder) => ['node', join(folder, 'node_modules/pnpm/bin/pnpm.mjs')],
    install: ['install'],
    add: ['add'],
    dev: '-D',
    // It ends with an error over the build script of a package that the scaffold itself has.
    prepare: (app) => writeFileSync(join(app, 'pnpm-workspace.yaml'), 'strictDepBuilds: false\n'),
  },
  yarn: {
    packages: ['yarn@1'],
    command: (folder) => ['node', join(folder, 'node_modules/yarn/bin/yarn.js')],
    install: ['install'],
    add: ['add'],
    dev: '-D',
  },
  // Plug'n'Play cannot run the Jest of a scaffold: ts-jest itself imports what it does not declare.
  berry: {
    packages: ['@yarnpkg/cli-dist@4'],
    command: (folder) => ['node', join(folder, 'node_modules/@yarnpkg/cli-dist/bin/yarn.js')],
    install: ['install', '--no-immutable'],
    add: ['add'],
    dev: '-D',
    prepare: (app) => {
      writeFileSync(join(app, 'yarn.lock'), '', { flag: 'a' });
      writeFileSync(join(app, '.yarnrc.yml'), 'nodeLinker: node-modules\nenableTelemetry: false\n');
    },
  },
};

/** Whoever installs packages into an application. */
export async function packageManager(name) {
  const { packages, command, install, add, dev, prepare } = MANAGERS[name];
  const [program, ...first] = command(packages.length > 0 && (await installed(...packages)));
  const exec = (args, options) =>
    run(program, [...first, ...args], { timeoutMs: 600_000, ...options });
  return {
    install: (options) => {
      prepare?.(options.cwd);
      return exec(install, options);
    },
    add: (names, options) => exec([...add, ...names], options),
    addDev: (names, options) => exec([...add, dev, ...names], options),
    script: (script, options) => exec(['run', script], options),
  };
}
