// A node of the fleet in a process of its own. Its argument, as JSON, has `fleet`, the options of redisFleet(), `runner`, those of the runner, `port`, and
// `clockMs`, by which its clock is wrong. It tells by IPC where it listens, and the end of each session.
import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { BotLauncher, RunnerModule, SessionHooks, WebSocketModule } from 'nestjs-pipecat-runner';
import { redisFleet } from 'nestjs-pipecat-runner/fleet';
import { clusterClient } from '../support/redis-groups.js';

const { fleet, runner, port, clockMs = 0 } = JSON.parse(process.argv[2]);
const { now } = Date;
Date.now = () => now() + clockMs;
const { cluster } = fleet.redis;
const redis = cluster ? (options) => clusterClient(cluster, options) : fleet.redis;

/** Says what it was given, and answers whatever it is asked. */
class Bot extends BotLauncher {
  async launch({ websocket, body }, session) {
    session.ready();
    websocket.on('message', (data) => websocket.send(String(data)));
    websocket.send(JSON.stringify(body));
    await new Promise((resolve) => session.signal.addEventListener('abort', resolve));
  }
}

class Hooks extends SessionHooks {
  ended({ sessionId, code }) {
    process.send({ sessionId, code });
  }
}

const app = await NestFactory.create(
  RunnerModule.forRoot({
    launcher: Bot,
    sessionHooks: Hooks,
    transports: [WebSocketModule.forRoot()],
    webSocketAuth: 'token',
    ...runner,
    fleet: { useFactory: () => redisFleet({ ...fleet, redis }) },
  }),
  new FastifyAdapter(),
  { logger: process.env.FLEET_LOG ? ['error', 'warn', 'log'] : ['error'] },
);
app.enableShutdownHooks([], { useProcessExit: true });
await app.listen(port, '127.0.0.1');
process.send({ port });
