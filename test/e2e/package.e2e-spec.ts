import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { connectClient } from '../../src/testing/index.js';
import { PackedPackage, run } from '../support/packed-package.js';
import { closeOf, post } from '../support/runner-app.js';
import { similarity, tone } from '../support/sound.js';

let packed: PackedPackage;

beforeAll(async () => {
  packed = await PackedPackage.create();
});
afterAll(() => packed.remove());

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
  it('contains the files that users need, and no others', async () => {
    const { stdout } = await run('tar', ['tzf', packed.tarball]);
    const files = stdout
      .trim()
      .split('\n')
      .map((file) => file.replace(/^package\//, ''));
    for (const needed of [
      'dist/index.js',
      'dist/index.d.ts',
      'dist/bot.js',
      'dist/bot.d.ts',
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
      'examples/first-voice/bot.js',
      'examples/first-voice/stand-in.js',
      'examples/support-agent/main.ts',
      'CHANGELOG.md',
      'CONTRIBUTING.md',
      'LICENSE',
      'README.md',
      'SECURITY.md',
      'examples/gemini-agent/booking.bot.ts',
      'llms.txt',
      'deploy/chart/Chart.yaml',
    ]) {
      expect(files).toContain(needed);
    }
    const page = /^dist\/console\/page\/(index\.html|licenses\.md|assets\/[\w.-]+\.(js|css|svg))$/;
    expect(
      files.filter(
        (file) =>
          !/^(dist\/.+\.(js|d\.ts)|dist\/cjs\/package\.json|python\/bot_host(_\w+)?\.py|deploy\/(Dockerfile|compose\.yaml|haproxy\.cfg|chart\/[\w./-]+\.(json|yaml|tpl|txt))|docs\/.+\.(md|png|svg)|examples\/([\w-]+\/)?[\w.-]+\.(ts|js|md)|LICENSE|llms\.txt|[A-Z]+\.md|package\.json)$/.test(
            file,
          ) && !page.test(file),
      ),
    ).toEqual([]);
    expect(files.filter((file) => /spec|demo|bench|test\//.test(file))).toEqual([]);
  });

  it('runs the README’s example in a fresh Nest 12 application', async () => {
    const readme = await readFile('README.md', 'utf8');
    const example = /```ts\n(import { Injectable, Module }[^]*?)```/.exec(readme)![1]!;
    const app = await packed.freshApp(
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
    await packed.compile(app);
    for (const file of ['main.js', 'isolated.js']) {
      const { url, child } = await packed.start(app, file);
      await conversation(url);
      const exit = once(child, 'exit');
      child.kill('SIGTERM');
      await exit;
    }
  }, 180_000);

  it('runs in a fresh Nest 11 application of CommonJS on Express', async () => {
    const app = await packed.freshApp(
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
    const { url } = await packed.start(app, 'main.js');
    await conversation(url);
  }, 180_000);
});
