// A node of a fleet in a process of its own, which can be killed. Its argument, as JSON, has the options of redisFleet(), `listenAt`, a port, `https`,
// files of a key and a certificate, and `runner` those of the runner. Its bot says what it was given, and then what it hears.
import 'reflect-metadata';
import { readFileSync } from 'node:fs';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { BotLauncher, RunnerModule, WebSocketModule } from 'nestjs-pipecat-runner';
import { redisFleet } from 'nestjs-pipecat-runner/fleet';

const { listenAt = 0, https, runner = {}, ...fleet } = JSON.parse(process.argv[2]);

class Bot extends BotLauncher {
  async launch({ websocket, body }, session) {
    session.ready();
    websocket.send(JSON.stringify(body));
    websocket.on('message', (data) => websocket.send(data.toString()));
    await new Promise((resolve) => session.signal.addEventListener('abort', resolve));
  }
}

const app = await NestFactory.create(
  RunnerModule.forRoot({
    launcher: Bot,
    transports: [WebSocketModule.forRoot()],
    webSocketAuth: 'token',
    maxSessions: 5,
    fleet: { useFactory: () => redisFleet(fleet) },
    ...runner,
  }),
  new FastifyAdapter({
    https: https && { key: readFileSync(https.key), cert: readFileSync(https.cert) },
  }),
  { logger: ['error'] },
);
app.enableShutdownHooks();
await app.listen(listenAt, '127.0.0.1');
process.send({ port: app.getHttpServer().address().port });
