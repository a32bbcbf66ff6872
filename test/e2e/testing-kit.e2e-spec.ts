import { execFile } from 'node:child_process';
import type { Server } from 'node:http';
import { connect as connectTcp } from 'node:net';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import {
  BotLauncher,
  type BotSession,
  createTransport,
  type RunnerArguments,
  RunnerModule,
  TelephonyModule,
  WebSocketModule,
} from '../../src/index.js';
import {
  type HostSource,
  RecordingLauncher,
  startHost,
  type TestHost,
} from '../../src/testing/index.js';

let host: TestHost | undefined;
afterEach(async () => {
  await host?.close();
  host = undefined;
});

/** The bot of the application under test, which does not record. */
@Injectable()
class SupportBot extends BotLauncher {
  async launch(_args: RunnerArguments, session: BotSession): Promise<void> {
    session.ready();
    await once(session.signal, 'abort');
  }
}

@Module({
  imports: [
    RunnerModule.forRoot({
      launcher: SupportBot,
      transports: [WebSocketModule.forRoot(), TelephonyModule.forRoot()],
    }),
  ],
})
class AppModule {}

const OPTIONS = { logger: false, abortOnError: false } as const;
const builder = (bot: BotLauncher) =>
  Test.createTestingModule({ imports: [AppModule] })
    .overrideProvider(BotLauncher)
    .useValue(bot);

describe('startHost()', () => {
  it.each<[string, (bot: BotLauncher) => Promise<HostSource> | HostSource, string]>([
    ['a builder of a testing module', (bot) => builder(bot), 'fastify'],
    ['a testing module', (bot) => builder(bot).compile(), 'fastify'],
    [
      'an application of a testing module',
      async (bot) =>
        (await builder(bot).compile()).createNestApplication(new ExpressAdapter(), OPTIONS),
      'express',
    ],
    [
      'an application of a testing module that listens',
      async (bot) => {
        const module = await builder(bot).compile();
        const app = module.createNestApplication(new FastifyAdapter(), OPTIONS);
        await app.listen(0, '127.0.0.1');
        return app;
      },
      'fastify',
    ],
  ])('accepts %s with its overridden bot', async (_, make, type) => {
    const bot = new RecordingLauncher();
    host = await startHost(await make(bot), { logger: false });
    expect(host.app.getHttpAdapter().getType()).toBe(type);
    await host.connect({ body: 'from a client' });
    expect((await bot.nextLaunch()).args.body).toBe('from a client');
    await host.call({ carrier: 'twilio', body: 'from a caller' });
    const { args, session } = await bot.nextLaunch();
    expect(args.body).toBe('from a caller');
    expect(host.session(session.id)?.transport).toBe('twilio');
    expect(host.session('another')).toBeUndefined();
  });

  it('accepts a module and uses the given adapter', async () => {
    host = await startHost(AppModule, { logger: false, adapter: new ExpressAdapter() });
    expect(host.app.getHttpAdapter().getType()).toBe('express');
    expect(await host.start({ transport: 'websocket' })).toHaveProperty('wsUrl');
  });

  it('accepts a module where only Express is installed', async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [
      'test/support/without-fastify.js',
    ]);
    expect(stdout).toBe('express hello\n');
  });

  it('accepts an application and configures it', async () => {
    const app = await NestFactory.create(AppModule, new ExpressAdapter(), OPTIONS);
    host = await startHost(app, {
      path: '/api',
      configure: (it) => void it.setGlobalPrefix('api'),
    });
    expect(host.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/api$/);
    const client = await host.connect();
    await client.leave();
  });

  it('leaves nothing behind when configure() fails', async () => {
    let isDown = false;
    class Part {
      onModuleDestroy(): void {
        isDown = true;
      }
    }
    @Module({ imports: [AppModule], providers: [Part] })
    class PartModule {}
    const configure = (): never => {
      throw new Error('not today');
    };
    await expect(startHost(PartModule, { logger: false, configure })).rejects.toThrow('not today');
    expect(isDown).toBe(true);
  });
});

describe.each(['vonage', 'genesys'] as const)('a caller from %s', (carrier) => {
  it('talks, presses keys, is interrupted and hangs up as the carrier does', async () => {
    const bot = new RecordingLauncher();
    host = await startHost(builder(bot), { logger: false });
    const call = await host.call({ carrier, from: '+15550001', body: 'hello' });
    const { args, session } = await bot.nextLaunch();
    expect(args).toMatchObject({
      transport_type: carrier,
      body: 'hello',
      call_data: { from: '+15550001', call_id: call.facts.callId },
    });
    const transport = await createTransport(args, { sampleRateHz: 8_000 });
    const said = Int16Array.from({ length: 3_200 }, (_, i) => (i % 80) * 100);
    await call.speak(said, { pace: 'asap' });
    call.press('4');
    expect(await transport.dtmfIn().next()).toMatchObject({ value: '4' });
    let heard = 0;
    for await (const { pcm } of transport.audioIn()) if ((heard += pcm.length) >= 3_200) break;
    expect(heard).toBe(3_200);
    void transport.sendAudio({ pcm: new Int16Array(40_000).fill(800), sampleRateHz: 8_000 });
    await call.heard(1_600);
    const cleared = once(call, 'cleared');
    transport.clear();
    const [unplayedMs] = (await cleared) as [number];
    expect(unplayedMs).toBeGreaterThan(0);
    expect(Math.abs(call.audio[800]! - 800)).toBeLessThan(40);
    const ended = host.session(session.id)!.ended;
    await call.hangUp();
    await expect(ended).resolves.toMatchObject({ code: 'peer_left' });
  });

  it('is hung up on', async () => {
    const bot = new RecordingLauncher();
    host = await startHost(builder(bot), { logger: false });
    const call = await host.call({ carrier });
    const transport = await createTransport((await bot.nextLaunch()).args);
    await transport.hangUp();
    await expect(call.closed).resolves.toMatchObject({ code: 1000 });
  });
});

describe('TestHost.close()', () => {
  it('closes everything that is open, quickly', async () => {
    const it = (host = await startHost(AppModule, { logger: false }));
    const call = await it.call({ carrier: 'plivo' });
    const deaf = await it.connect();
    deaf.socket.pause();
    const silent = connectTcp(Number(new URL(it.url).port), '127.0.0.1');
    await once(silent, 'connect');
    const half = connectTcp(Number(new URL(it.url).port), '127.0.0.1');
    half.on('error', () => undefined);
    await new Promise((resolve) => half.write('POST /start HTTP/1.1\r\nHo', resolve));
    const gone = [silent, half].map((socket) => once(socket.resume(), 'close'));
    await it.start({ transport: 'websocket' });
    const startMs = performance.now();
    await it.close();
    expect(performance.now() - startMs).toBeLessThan(1_500);
    await Promise.all(gone);
    await expect(call.closed).resolves.toMatchObject({ code: 1001 });
    expect((await deaf.closed).code).toBeGreaterThan(1000);
    expect((it.app.getHttpServer() as Server).listening).toBe(false);
  });

  it('is idempotent, and works without a runner in the application', async () => {
    @Module({})
    class EmptyModule {}
    const it = await startHost(EmptyModule, { logger: false });
    await it.close();
    const other = await startHost(AppModule, { logger: false });
    await other.close();
    await other.close();
  });
});
