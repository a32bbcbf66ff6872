import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { installed } from './cache.js';
import { run } from './processes.js';

/** Each package manager: its package in the registry, the file of it that is run, and how it adds packages, without a flag. */
const MANAGERS = {
  npm: { add: 'install' },
  pnpm: {
    package: 'pnpm@12',
    file: 'pnpm/bin/pnpm.mjs',
    add: 'add',
    // It ends with an error over the build script of a package that the scaffold itself has.
    prepare: (app) => writeFileSync(join(app, 'pnpm-workspace.yaml'), 'strictDepBuilds: false\n'),
  },
  // Two that fill one cache at a time break it.
  yarn: { package: 'yarn@1', file: 'yarn/bin/yarn.js', add: 'add', oneAtATime: true },
  berry: {
    package: '@yarnpkg/cli-dist@4',
    file: '@yarnpkg/cli-dist/bin/yarn.js',
    add: 'add',
    prepare(app) {
      writeFileSync(join(app, 'yarn.lock'), '', { flag: 'a' });
      // Plug'n'Play cannot run the Jest of a scaffold: ts-jest imports what it does not declare.
      writeFileSync(join(app, '.yarnrc.yml'), 'nodeLinker: node-modules\nenableTelemetry: false\n');
    },
  },
};

let lastInstallation = Promise.resolve();

/** Whoever installs packages into an application. */
export async function packageManager(name) {
  const manager = MANAGERS[name];
  const command = manager.package
    ? ['node', join(await installed(manager.package), 'node_modules', manager.file)]
    : [name];
  const exec = (args, options) =>
    run(command[0], [...command.slice(1), ...args], { timeoutMs: 600_000, ...options });
  const change = (args, options) => {
    if (!manager.oneAtATime) return exec(args, options);
    const changed = lastInstallation.then(() => exec(args, options));
    lastInstallation = changed.catch(() => undefined);
    return changed;
  };
  return {
    install(options) {
      manager.prepare?.(options.cwd);
      return change(['install'], options);
    },
    add: (packages, options) => change([manager.add, ...packages], options),
    addDev: (packages, options) => change([manager.add, '-D', ...packages], options),
    script: (script, options) => exec(['run', script], options),
  };
}
