import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { connectClient } from '../../src/testing/index.js';
import { closeOf, post } from '../support/runner-app.js';
import { similarity, tone } from '../support/sound.js';

const run = promisify(execFile);
let dir: string;
let tarball: string;
const children: ChildProcess[] = [];

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'package-'));
  // Built by Jest's global set-up.
  const { stdout } = await run('npm', [
    'pack',
    '--ignore-scripts',
    '--json',
    '--pack-destination',
    dir,
  ]);
  tarball = join(dir, (JSON.parse(stdout) as { filename: string }[])[0]!.filename);
}, 60_000);
afterAll(async () => {
  for (const child of children) {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  }
  await rm(dir, { recursive: true });
});

async function freshApp(
  name: string,
  manifest: object,
  files: Record<string, string>,
): Promise<string> {
  const app = join(dir, name);
  await mkdir(app);
  const dependencies = {
    'nestjs-pipecat-runner': `file:${tarball}`,
    ...(manifest as { dependencies: object }).dependencies,
  };
  await writeFile(
    join(app, 'package.json'),
    JSON.stringify({ private: true, ...manifest, dependencies }),
  );
  for (const [file, text] of Object.entries(files)) await writeFile(join(app, file), text);
  await run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline'], { cwd: app });
  return app;
}

/** Starts a program that prints its port, and resolves with its URL. */
async function start(app: string, file: string): Promise<{ url: string; child: ChildProcess }> {
  const child = spawn(process.execPath, [file], { cwd: app });
  children.push(child);
  let errors = '';
  child.stderr.on('data', (text: Buffer) => (errors += text.toString()));
  for await (const line of createInterface(child.stdout)) {
    const port = /listening on (\d+)/.exec(line)?.[1];
    if (!port) continue;
    child.stdout.resume();
    return { url: `http://127.0.0.1:${port}`, child };
  }
  throw new Error(`it did not start: ${errors}`);
}

async function conversation(url: string): Promise<void> {
  const { json } = await post(`${url}/start`, { transport: 'websocket' });
  const client = await connectClient(json.wsUrl as string);
  await client.speak(tone(500, 16_000, 0.5), { pace: 'asap' });
  await client.heard(11_000);
  expect(similarity(client.audio, 24_000, tone(500, 16_000, 0.5), 16_000)).toBeGreaterThan(0.95);
  await client.leave();
  await expect(
    closeOf(`${url.replace('http', 'ws')}/ws-client?session_id=none`),
  ).resolves.toMatchObject({ code: 4003 });
  const invalid = await post(`${url}/start`, { transport: 1 });
  expect(invalid.status).toBe(422);
}

describe('the package', () => {
  it('holds what a user needs, and nothing else', async () => {
    const { stdout } = await run('tar', ['tzf', tarball]);
    const files = stdout
      .trim()
      .split('\n')
      .map((file) => file.replace(/^package\//, ''));
    for (const needed of [
      'dist/index.js',
      'dist/index.d.ts',
      'dist/cjs/index.js',
      'dist/cjs/index.d.ts',
      'dist/cjs/package.json',
      'dist/cjs/testing/index.js',
      'dist/main.js',
      'dist/testing/index.d.ts',
      'python/bot_host.py',
      'dist/console/page/index.html',
      'docs/getting-started.md',
      'docs/console.png',
      'examples/realtime-bot.ts',
      'CHANGELOG.md',
      'CONTRIBUTING.md',
      'LICENSE',
      'README.md',
      'SECURITY.md',
    ]) {
      expect(files).toContain(needed);
    }
    const page = /^dist\/console\/page\/(index\.html|licenses\.md|assets\/[\w.-]+\.(js|css|svg))$/;
    expect(
      files.filter(
        (file) =>
          !/^(dist\/.+\.(js|d\.ts)|dist\/cjs\/package\.json|python\/bot_host\.py|docs\/.+\.(md|png)|examples\/[\w-]+\.ts|LICENSE|[A-Z]+\.md|package\.json)$/.test(
            file,
          ) && !page.test(file),
      ),
    ).toEqual([]);
    expect(files.filter((file) => /spec|demo|bench|test\//.test(file))).toEqual([]);
  });

  it('runs the README’s example in a fresh Nest 12 application', async () => {
    const readme = await readFile('README.md', 'utf8');
    const example = /```ts\n(import { Injectable, Module }[^]*?)```/.exec(readme)![1]!;
    const app = await freshApp(
      'nest12',
      {
        type: 'module',
        dependencies: {
          '@nestjs/common': '12.5.1',
          '@nestjs/core': '12.5.1',
          '@nestjs/platform-fastify': '12.5.0',
          '@types/node': '^20.19.0',
          'reflect-metadata': '0.2.2',
          rxjs: '7.8.2',
          typescript: '6.0.3',
        },
        overrides: { 'file-type': '21.3.4', 'light-my-request': '6.6.0' },
      },
      {
        'app.module.ts': example,
        'main.ts': `
          import 'reflect-metadata';
          import { NestFactory } from '@nestjs/core';
          import { FastifyAdapter } from '@nestjs/platform-fastify';
          import { AppModule } from './app.module.js';
          const app = await NestFactory.create(AppModule, new FastifyAdapter());
          app.enableShutdownHooks();
          await app.listen(0, '127.0.0.1');
          console.log('listening on ' + app.getHttpServer().address().port);
        `,
        'isolated.js': `
          import 'reflect-metadata';
          import { NestFactory } from '@nestjs/core';
          import { FastifyAdapter } from '@nestjs/platform-fastify';
          import { ProcessBotLauncher, RunnerModule, WebSocketModule } from 'nestjs-pipecat-runner';
          const launcher = new ProcessBotLauncher({ module: 'bot.js' });
          const app = await NestFactory.create(
            RunnerModule.forRoot({ launcher: { useValue: launcher }, transports: [WebSocketModule.forRoot()] }),
            new FastifyAdapter(),
          );
          app.enableShutdownHooks();
          await app.listen(0, '127.0.0.1');
          console.log('listening on ' + app.getHttpServer().address().port);
        `,
        'bot.js': `
          import { createTransport } from 'nestjs-pipecat-runner';
          export default async function bot(args) {
            const transport = await createTransport(args);
            for await (const frame of transport.audioIn()) void transport.sendAudio(frame);
          }
        `,
        'tsconfig.json': JSON.stringify({
          compilerOptions: {
            module: 'NodeNext',
            target: 'ES2022',
            strict: true,
            // The package's own declarations are part of what is checked.
            skipLibCheck: false,
            types: ['node'],
            experimentalDecorators: true,
            emitDecoratorMetadata: true,
          },
        }),
      },
    );
    await run(process.execPath, ['node_modules/typescript/bin/tsc', '-p', '.'], { cwd: app }).catch(
      (error: { stdout: string }) => {
        throw new Error(error.stdout);
      },
    );
    for (const file of ['main.js', 'isolated.js']) {
      const { url, child } = await start(app, file);
      await conversation(url);
      const exit = once(child, 'exit');
      child.kill('SIGTERM');
      await exit;
    }
  }, 180_000);

  it('runs in a fresh Nest 11 application of CommonJS on Express', async () => {
    const app = await freshApp(
      'nest11',
      {
        dependencies: {
          '@nestjs/common': '11.1.6',
          '@nestjs/core': '11.1.6',
          '@nestjs/platform-express': '11.1.6',
          'reflect-metadata': '0.2.2',
          rxjs: '7.8.2',
        },
      },
      {
        'main.js': `
          require('reflect-metadata');
          const { NestFactory } = require('@nestjs/core');
          const { BotLauncher, createTransport, RunnerModule, TelephonyModule, WebSocketModule } = require('nestjs-pipecat-runner');
          class Bot extends BotLauncher {
            async launch(args) {
              const transport = await createTransport(args);
              for await (const frame of transport.audioIn()) void transport.sendAudio(frame);
            }
          }
          (async () => {
            const app = await NestFactory.create(
              RunnerModule.forRoot({ launcher: Bot, transports: [WebSocketModule.forRoot(), TelephonyModule.forRoot()] }),
              { logger: ['error', 'warn'] },
            );
            await app.listen(0, '127.0.0.1');
            console.log('listening on ' + app.getHttpServer().address().port);
          })();
        `,
      },
    );
    const { url } = await start(app, 'main.js');
    await conversation(url);
  }, 180_000);
});
