import 'reflect-metadata';
import { fileURLToPath } from 'node:url';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import {
  BotLauncher,
  type BotSession,
  MetricsModule,
  OpenApiModule,
  ProcessBotLauncher,
  type RunnerArguments,
  RunnerModule,
} from 'nestjs-pipecat-runner';
import bot from './bot.js';
import { PcmModule } from './pcm.module.js';

class PcmBot extends BotLauncher {
  launch(args: RunnerArguments, session: BotSession): Promise<void> {
    return bot(args, session);
  }
}

/** `node dist/main.js`, or `node dist/main.js isolated` for bots in processes of their own. */
const launcher =
  process.argv[2] === 'isolated'
    ? new ProcessBotLauncher({ module: fileURLToPath(new URL('bot.js', import.meta.url)) })
    : new PcmBot();

@Module({
  imports: [
    RunnerModule.forRoot({
      launcher: { useValue: launcher },
      transports: [PcmModule.forRoot()],
      features: [MetricsModule.forRoot(), OpenApiModule.forRoot()],
      webSocketAuth: 'token',
    }),
  ],
})
class AppModule {}

const app = await NestFactory.create(AppModule, new FastifyAdapter(), {
  logger: ['error', 'warn'],
});
app.enableShutdownHooks();
await app.listen(0, '127.0.0.1');
console.log(`listening on ${new URL(await app.getUrl()).port}`);
