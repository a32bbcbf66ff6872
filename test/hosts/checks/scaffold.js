import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createApp } from '../support/apps.js';
import { nodeBin } from '../support/cache.js';
import { converse, expectAnswer } from '../support/probe.js';
import { environment, startServer } from '../support/processes.js';
import { checkBundle } from './bundle.js';
import { checkTypes } from './types.js';

/** Packages that builders need beside those of the scaffold, by the CLI's major version. */
const BUILDER_PACKAGES = {
  11: { tsc: [], swc: ['@swc/cli', '@swc/core'], webpack: [] },
  12: {
    tsc: [],
    swc: ['@swc/cli', '@swc/core'],
    // In a project of ECMAScript modules the CLI refuses webpack, and offers Rspack in its place.
    rspack: ['@rspack/core', 'webpack-node-externals', 'tsconfig-paths-webpack-plugin'],
  },
};

/** An application as `nest new` makes it, which does what the README says and nothing more. */
export async function checkScaffold(
  {
    name,
    cli,
    manager,
    node,
    fastify = false,
    jest29 = false,
    builders = ['tsc'],
    identity = [],
    types = [],
    bundle = false,
    lowest,
  },
  { must, step, tarball },
) {
  const app = await must('is generated', () => createApp(name, { cli, manager, node }));
  await must('installs with the package alone', () => app.add(tarball));
  await must('imports RunnerModule', () => importRunner(app));
  await step('its own unit tests stay green', () => app.script('test'));
  await step('its own e2e tests stay green', () => app.script('test:e2e'));
  await step('overrides the bot and starts it through supertest', () => runSpec(app, 'express', 5));
  await step('is tested with startHost()', () => runSpec(app, 'kit', 3));
  if (fastify) {
    await step('overrides the bot and starts it through app.inject()', async () => {
      // The newest one, which Fastify brings along, is not for Jest: its cookie package is an ECMAScript module.
      const inject = app.isEsm ? [] : ['light-my-request@6.6.0'];
      await app.add(`@nestjs/platform-fastify@${cli}`, ...inject);
      await runSpec(app, 'fastify', 5);
    });
  }
  if (jest29) {
    await step('its tests and ours are green in Jest 29', async () => {
      // ts-jest takes jest-util from the application, which npm no longer puts there.
      await app.addDev('jest@29', 'jest-util@29', '@types/jest@29');
      await app.script('test');
      await runSpec(app, 'express', 5);
    });
  }
  for (const builder of builders) {
    await step(`builds with ${builder}, starts, and echoes over a WebSocket`, async () => {
      const packages = BUILDER_PACKAGES[cli][builder];
      if (packages.length > 0) await app.addDev(...packages);
      await build(app, builder);
      await checkServer(app);
    });
  }
  for (const major of identity) {
    await step(`import and require give the same classes on Node ${major}`, async () => {
      app.copy('identity.mjs');
      await app.exec('node', ['identity.mjs'], { env: environment(await nodeBin(major)) });
    });
  }
  if (bundle) await checkBundle(app, { step });
  await checkTypes(app, types, { step });
  if (lowest) {
    await step(
      `its tests and ours are green with Nest ${lowest}, the lowest of the peer range`,
      async () => {
        const of = (...names) => names.map((one) => `@nestjs/${one}@${lowest}`);
        await app.add(...of('common', 'core', 'platform-express'));
        await app.addDev(...of('testing'));
        await app.script('test');
        await runSpec(app, 'express', 5);
      },
    );
  }
}

/** Without any configuration of the runner. */
export function importRunner(app) {
  app.copy('echo.bot.ts', 'src/echo.bot.ts');
  const extension = app.isEsm ? '.js' : '';
  app.change(
    'src/app.module.ts',
    [
      "import { Module } from '@nestjs/common';",
      "import { Module } from '@nestjs/common';\n" +
        "import { RunnerModule, TelephonyModule, WebSocketModule } from 'nestjs-pipecat-runner';\n" +
        `import { EchoBot } from './echo.bot${extension}';`,
    ],
    [
      'imports: []',
      'imports: [RunnerModule.forRoot({ launcher: EchoBot, transports: [WebSocketModule.forRoot(), TelephonyModule.forRoot()] })]',
    ],
  );
}

/** Runs a test of ours in the application's own runner. @param tests how many it has */
export async function runSpec(app, file, tests) {
  const spec = `test/${file}.e2e-spec.ts`;
  app.copy(`${file}.e2e.ts`, spec);
  const report = join(app.cwd, 'report.json');
  const flags = app.isEsm
    ? ['run', '--config', './vitest.config.e2e.ts', '--reporter=default', '--reporter=json']
    : ['--config', './test/jest-e2e.json', '--json'];
  await app.bin(app.isEsm ? 'vitest' : 'jest', [...flags, `--outputFile=${report}`, spec]);
  const { numPassedTests } = JSON.parse(readFileSync(report, 'utf8'));
  assert.equal(numPassedTests, tests);
}

export async function build(app, builder, ...flags) {
  await app.exec('rm', ['-rf', 'dist']);
  await app.bin('nest', ['build', '--builder', builder, ...flags]);
}

async function checkServer(app) {
  const server = await startServer('dist/main.js', app);
  try {
    await expectAnswer(`${server.url}/`, { body: 'Hello World!' });
    await converse(server.url);
  } finally {
    await server.stop();
  }
}
