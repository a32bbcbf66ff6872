// A runner for connections that say nothing, in a process of its own, so that what it holds can be counted.
// Usage: node idle-host.js '<JSON: { platform, handshakeTimeoutMs }>', with an IPC channel.
import 'reflect-metadata';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import * as runner from 'nestjs-pipecat-runner';

const { platform, handshakeTimeoutMs } = JSON.parse(process.argv[2]);

class Bot extends runner.BotLauncher {
  async launch(args, session) {
    const transport = await runner.createTransport(args);
    new runner.RtviSession(transport).onClientMessage(({ type }) => type);
    session.ready();
    if (!session.signal.aborted) await once(session.signal, 'abort');
  }
}

const root = runner.RunnerModule.forRoot({
  launcher: Bot,
  transports: [
    runner.WebSocketModule.forRoot(),
    runner.TelephonyModule.forRoot({ handshakeTimeoutMs, webhookKeys: false }),
  ],
});
const adapter = platform === 'express' ? new ExpressAdapter() : new FastifyAdapter();
const app = await NestFactory.create(root, adapter, { logger: false, abortOnError: false });
await app.listen(0, '127.0.0.1');
const sessions = app.get(runner.SessionRegistry, { strict: false });

process.on('message', () =>
  process.send({
    sessions: sessions.size,
    descriptors: readdirSync('/proc/self/fd').length - 1,
  }),
);
process.send({ port: app.getHttpServer().address().port });
