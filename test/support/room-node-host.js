// A node of a fleet in a process of its own, which can be killed, whose bots join LiveKit rooms, or get Daily rooms. Its argument, as JSON: { fleet, livekit or daily,
// maxSessions, program? }, with the options of redisFleet(), of LiveKitModule or DailyModule, and of a ProcessBotLauncher. It tells
// { launched, args, atMs }, { stopped, code, atMs } and { ended, code } with the session's id.
import 'reflect-metadata';
import { once } from 'node:events';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import {
  BotLauncher,
  createTransport,
  DailyModule,
  LiveKitModule,
  ProcessBotLauncher,
  RunnerModule,
  SessionHooks,
} from 'nestjs-pipecat-runner';
import { redisFleet } from 'nestjs-pipecat-runner/fleet';

const { fleet, livekit, daily, maxSessions, program } = JSON.parse(process.argv[2]);

class Bot extends BotLauncher {
  async launch(args, session) {
    process.send({ launched: session.id, args: args.toJSON(), atMs: Date.now() });
    if (livekit) await createTransport(args);
    session.ready();
    await once(session.signal, 'abort');
    process.send({ stopped: session.id, code: session.signal.reason.code, atMs: Date.now() });
  }
}

class Hooks extends SessionHooks {
  ended({ sessionId, code }) {
    process.send({ ended: sessionId, code });
  }
}

const app = await NestFactory.create(
  RunnerModule.forRoot({
    launcher: program ? { useFactory: () => new ProcessBotLauncher(program) } : Bot,
    transports: [
      daily
        ? DailyModule.forRoot({ ...daily, deleteRoomOnEnd: true })
        : LiveKitModule.forRoot({ ...livekit, room: {}, deleteRoomOnEnd: true }),
    ],
    sessionHooks: Hooks,
    maxSessions,
    drainTimeoutMs: 300,
    stopGraceMs: 500,
    fleet: { useFactory: () => redisFleet(fleet) },
  }),
  new FastifyAdapter(),
  { logger: ['error', 'warn'] },
);
await app.listen(0, '127.0.0.1');
process.on('message', (message) => {
  if (message === 'close') void app.close().then(() => process.disconnect());
});
process.send({ port: app.getHttpServer().address().port });
