// One AppModule with a runner in it, in the kind of Nest application that is asked for. Prints what the runner began to do, as JSON.
// Usage: node app-kinds.js <kind> fastify|express <URL of Daily's API> <its key>; those that serve do so until the end
// of stdin, and the REPL reads its commands there.
import 'reflect-metadata';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, Module } from '@nestjs/common';
import { LazyModuleLoader, NestFactory, repl } from '@nestjs/core';
import * as runner from 'nestjs-pipecat-runner';

const [kind, platform, apiUrl, apiKey] = process.argv.slice(2);
/** The events of this process, in order. */
const events = [];
let polls = 0;

class Bot extends runner.ProcessBotLauncher {
  prepare() {
    events.push('launcher prepares');
    super.prepare();
  }
}

class Seeds {
  onModuleInit() {
    events.push('seeds up');
  }
  onModuleDestroy() {
    events.push('seeds down');
  }
  plant() {
    events.push('planted');
  }
}
Injectable()(Seeds);

class AppModule {}
Module({
  imports: [
    runner.RunnerModule.forRoot({
      launcher: {
        useFactory: () => new Bot({ command: 'sleep', args: ['1000'], warmProcesses: 1 }),
      },
      transports: [
        runner.WebSocketModule.forRoot(),
        runner.TelephonyModule.forRoot(),
        runner.SmallWebRtcModule.forRoot(),
        runner.LiveKitModule.forRoot(),
        runner.DailyModule.forRoot({ apiKey, apiUrl, warmRooms: 2 }),
      ],
      features: [
        runner.MetricsModule.forRoot(),
        runner.TracingModule.forRoot(),
        runner.OpenApiModule.forRoot(),
        runner.DownloadsModule.forRoot({ folder: 'demo' }),
      ],
      path: 'voice',
      console: true,
      loadFunction: () => ++polls * 0,
      loadIntervalMs: 10,
    }),
  ],
  providers: [Seeds],
})(AppModule);

class EmptyModule {}
Module({})(EmptyModule);

const OPTIONS = { abortOnError: false, logger: ['error', 'warn'] };
const PREVIEW = { ...OPTIONS, preview: true };

async function create(module = AppModule, options = OPTIONS) {
  const adapter =
    platform === 'fastify'
      ? new (await import('@nestjs/platform-fastify')).FastifyAdapter()
      : new (await import('@nestjs/platform-express')).ExpressAdapter();
  return NestFactory.create(module, adapter, options);
}

async function microservice() {
  const { Transport } = await import('@nestjs/microservices');
  return { transport: Transport.TCP, options: { host: '127.0.0.1', port: 0 } };
}

/** Longer than any poll, and than a warm room or process takes to begin. */
const aWhile = () => sleep(200);
const untilTold = () => once(process.stdin.resume(), 'end');

const KINDS = {
  async script() {
    const app = await NestFactory.createApplicationContext(AppModule, OPTIONS);
    app.get(Seeds).plant();
    await aWhile();
    await app.close();
  },
  async 'script that closes nothing'() {
    const app = await NestFactory.createApplicationContext(AppModule, OPTIONS);
    app.get(Seeds).plant();
  },
  async microservice() {
    const app = await NestFactory.createMicroservice(AppModule, {
      ...(await microservice()),
      ...OPTIONS,
    });
    await app.listen();
    await aWhile();
    await app.close();
  },
  async REPL() {
    await repl(AppModule);
  },
  async 'application in preview mode'() {
    const app = await create(AppModule, PREVIEW);
    await app.init();
    await app.close();
  },
  async 'application that is only created'() {
    const app = await create();
    await aWhile();
    await app.close();
  },
  async 'application that is only initialised'() {
    const app = await create();
    await app.init();
    await aWhile();
    await app.close();
  },
  async 'application that is initialised and left'() {
    await (await create()).init();
  },
  async 'application that loads the module lazily'() {
    const app = await create(EmptyModule);
    await app.listen(0, '127.0.0.1');
    await app.get(LazyModuleLoader).load(() => AppModule);
    await aWhile();
    await app.close();
  },
  async 'application that loads the module lazily before it listens'() {
    const app = await create(EmptyModule);
    await app.init();
    await app.get(LazyModuleLoader).load(() => AppModule);
    await app.listen(0, '127.0.0.1');
    await aWhile();
    await app.close();
  },
  async 'hybrid application'() {
    const app = await create();
    app.connectMicroservice(await microservice());
    await app.startAllMicroservices();
    await app.listen(0, '127.0.0.1');
    await untilTold();
    await app.close();
  },
  async 'application on a server of its own'() {
    const { createServer } = await import('node:http');
    const app = await create();
    await app.init();
    if (platform === 'fastify') await app.getHttpAdapter().getInstance().ready();
    const handler =
      platform === 'fastify'
        ? app.getHttpAdapter().getInstance().routing
        : app.getHttpAdapter().getInstance();
    const server = createServer(handler).listen(0, '127.0.0.1');
    await once(server, 'listening');
    await fetch(`http://127.0.0.1:${server.address().port}/voice/start`, {
      method: 'POST',
      body: '{"transport":"websocket"}',
      headers: { 'content-type': 'application/json' },
    });
    await aWhile();
    server.close();
    server.closeAllConnections();
    await app.close();
  },
};

process.on('exit', () => {
  const children = readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8');
  const left = children.split(' ').filter(Boolean).length;
  console.log('\n' + JSON.stringify({ events, polled: polls > 0, processesLeft: left }));
});
await KINDS[kind]();
