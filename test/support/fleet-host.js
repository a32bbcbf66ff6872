// A node of a fleet in a process of its own, which can be killed. Its argument, as JSON, has the options of redisFleet(), and `listenAt`, a port.
import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { BotLauncher, RunnerModule, WebSocketModule } from 'nestjs-pipecat-runner';
import { redisFleet } from 'nestjs-pipecat-runner/fleet';

const { listenAt = 0, ...fleet } = JSON.parse(process.argv[2]);

class Bot extends BotLauncher {
  async launch({ websocket, body }, session) {
    session.ready();
    websocket.send(JSON.stringify(body));
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
  }),
  new FastifyAdapter(),
  { logger: ['error'] },
);
await app.listen(listenAt, '127.0.0.1');
process.send({ port: app.getHttpServer().address().port });
