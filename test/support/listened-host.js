// A host with several runners, and with middleware that listens for the end of each answer. GET /warnings answers what this process was warned of, and
// the most listeners that a response had. Tells its port by IPC. Usage: node listened-host.js '{ "platform": "express", "runners": 2, "listeners": 1 }'
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { BotLauncher, RunnerModule, WebSocketModule } from 'nestjs-pipecat-runner';

const { platform, runners, listeners } = JSON.parse(process.argv[2]);
const warnings = [];
let mostListeners = 0;
process.on('warning', ({ name, message }) => warnings.push(`${name}: ${message}`));

/** Answers requests to its session. */
class Bot extends BotLauncher {
  async launch(_args, session) {
    session.onRequest(async (request) => new Response(`${request.method} ${await request.text()}`));
    session.ready();
    await new Promise((resolve) => session.signal.addEventListener('abort', resolve));
  }
}

class AppModule {}
Module({
  imports: Array.from({ length: runners }, (_, i) =>
    RunnerModule.forRoot({
      ...{ name: `runner-${i}`, path: `/${i}`, launcher: Bot },
      transports: [WebSocketModule.forRoot()],
      defaultTransport: 'websocket',
    }),
  ),
})(AppModule);

const adapter = platform === 'express' ? new ExpressAdapter() : new FastifyAdapter();
const app = await NestFactory.create(AppModule, adapter, { logger: false });
app.use((request, response, next) => {
  if (request.url === '/warnings') {
    response.setHeader('content-type', 'application/json');
    return response.end(JSON.stringify({ warnings, mostListeners }));
  }
  const look = () => {
    mostListeners = Math.max(mostListeners, response.listenerCount('close'));
  };
  for (let i = 0; i < listeners; i++) response.once('close', () => undefined);
  response.on('newListener', (event) => event === 'close' && process.nextTick(look));
  next();
});
await app.listen(0, '127.0.0.1');
process.send?.({ port: app.getHttpServer().address().port });
