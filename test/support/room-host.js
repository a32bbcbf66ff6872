// A host whose bot joins LiveKit rooms, in a process of its own. Usage: node room-host.js '<JSON of LiveKitModule's options>', with an IPC channel.
import 'reflect-metadata';
import { once } from 'node:events';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import * as runner from 'nestjs-pipecat-runner';

class RoomBot extends runner.BotLauncher {
  async launch(args, session) {
    await runner.createTransport(args);
    session.ready();
    process.send('joined');
    await once(session.signal, 'abort');
  }
}

const root = runner.RunnerModule.forRoot({
  launcher: RoomBot,
  transports: [runner.LiveKitModule.forRoot(JSON.parse(process.argv[2]))],
});
const app = await NestFactory.create(root, new FastifyAdapter(), { logger: ['error'] });
await app.listen(0, '127.0.0.1');
process.once('message', async () => {
  app.get(runner.RunnerDrain, { strict: false }).expedite();
  await app.close();
  process.send('closed');
  process.disconnect();
});
process.send({ port: app.getHttpServer().address().port });
