// A runner with everything that a stranger can reach, in a process of its own, so that what a flood costs can be measured: how long the
// event loop was held, and how much memory it left. Usage: node --expose-gc flooded-runner.js fastify|express, with an IPC channel.
import 'reflect-metadata';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import * as runner from 'nestjs-pipecat-runner';

/** Behaviours of bots, by `body.bot`. */
const BOTS = {
  /** Nothing at all. */
  deaf: () => undefined,
  /** Has a transport, and reads nothing of it. */
  inattentive: (args) => runner.createTransport(args),
  /** Reads whatever there is. */
  attentive: async (args) => {
    const transport = await runner.createTransport(args);
    for (const event of ['audio', 'dtmf', 'message', 'text', 'transcription', 'interruption']) {
      transport.on(event, () => undefined);
    }
  },
  /** Clears whenever it is interrupted. */
  polite: async (args) => {
    const transport = await runner.createTransport(args);
    transport.on('interruption', () => transport.clear());
  },
};

class Bot extends runner.BotLauncher {
  async launch(args, session) {
    await BOTS[args.body?.bot ?? 'deaf'](args, session);
    session.onRequest(async (request) => {
      await request.arrayBuffer();
      return new Response();
    });
    session.ready();
    if (!session.signal.aborted) await once(session.signal, 'abort');
  }
}

const telnyxKey = () =>
  Buffer.from(
    generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' }).x,
    'base64url',
  ).toString('base64');
const noServer = 'http://127.0.0.1:9';

const root = runner.RunnerModule.forRoot({
  launcher: Bot,
  defaultTransport: 'websocket',
  console: true,
  features: [
    runner.MetricsModule.forRoot(),
    runner.OpenApiModule.forRoot(),
    runner.DownloadsModule.forRoot({ folder: 'docs' }),
  ],
  transports: [
    runner.WebSocketModule.forRoot(),
    runner.TelephonyModule.forRoot({
      // Two of each, as while one is being replaced.
      webhookKeys: {
        twilio: ['old', 'new'],
        plivo: ['old', 'new'],
        telnyx: [telnyxKey(), telnyxKey()],
      },
      customParameters: runner.callerParameters,
    }),
    runner.SmallWebRtcModule.forRoot(),
    runner.DailyModule.forRoot({
      apiKey: 'key',
      apiUrl: noServer,
      dialinSecret: 'c2VjcmV0',
      timeoutMs: 100,
    }),
    runner.LiveKitModule.forRoot({ url: 'ws://127.0.0.1:9', apiKey: 'key', apiSecret: 'secret' }),
    runner.WhatsAppModule.forRoot({
      token: 'token',
      phoneNumberId: '1',
      appSecret: 'secret',
      verifyToken: 'verify',
      apiUrl: noServer,
    }),
  ],
});

const adapter = process.argv[2] === 'express' ? new ExpressAdapter() : new FastifyAdapter();
const app = await NestFactory.create(root, adapter, { logger: false, abortOnError: false });
await app.listen(0, '127.0.0.1');

const delay = monitorEventLoopDelay({ resolution: 5 });
delay.enable();
let cpuBefore = process.cpuUsage();
process.on('message', async (question) => {
  if (question === 'memory') {
    for (let i = 0; i < 4; i++) globalThis.gc();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return process.send(heapUsed + arrayBuffers);
  }
  // A loop that was held is noticed only once it goes on, and what comes first after a reset is not counted.
  await sleep(20);
  const { user, system } = process.cpuUsage(cpuBefore);
  // Whoever holds the loop takes that much of the processor. Where others have it, the loop is late and has not been held.
  const heldMs = Math.min(delay.max / 1e6, (user + system) / 1e3);
  delay.reset();
  cpuBefore = process.cpuUsage();
  await sleep(20);
  process.send(heldMs);
});
process.send({ port: app.getHttpServer().address().port });
