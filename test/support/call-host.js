// A runner for calls of Twilio in a process of its own, which can be killed. Its argument, as JSON, has `listenAt`, a port, `token`, which signs webhooks, `telephony`,
// options of the transport, and `fleet`, those of redisFleet(), if it is a node. It tells each bot's arguments by IPC. The bot returns when the caller presses 1.
import 'reflect-metadata';
import { randomUUID } from 'node:crypto';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { BotLauncher, CallRouter, RunnerModule, TelephonyModule } from 'nestjs-pipecat-runner';
import { redisFleet } from 'nestjs-pipecat-runner/fleet';

const { listenAt, token, telephony, fleet } = JSON.parse(process.argv[2]);

class Router extends CallRouter {
  route({ query }) {
    process.send({ routed: { ...query } });
    return { body: { ticket: randomUUID() }, customParameters: { tenant: 'acme' } };
  }
}

class Bot extends BotLauncher {
  async launch({ websocket, body, call_data }, session) {
    session.ready();
    process.send({ sessionId: session.id, body, parameters: call_data.body });
    await new Promise((resolve) => {
      websocket.on('message', (data) => JSON.parse(String(data)).dtmf?.digit === '1' && resolve());
      session.signal.addEventListener('abort', resolve);
    });
  }
}

const app = await NestFactory.create(
  RunnerModule.forRoot({
    launcher: Bot,
    callRouter: Router,
    transports: [
      TelephonyModule.forRoot({ webhookKeys: { twilio: token }, resumeCalls: true, ...telephony }),
    ],
    maxSessions: 5,
    ...(fleet && { fleet: { useFactory: () => redisFleet(fleet) } }),
  }),
  new FastifyAdapter(),
  { logger: ['error'] },
);
app.enableShutdownHooks();
await app.listen(listenAt, '127.0.0.1');
process.send({ port: listenAt });
