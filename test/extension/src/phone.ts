import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import {
  BotLauncher,
  type BotSession,
  MetricsModule,
  type RunnerArguments,
  RunnerModule,
  TelephonyModule,
} from 'nestjs-pipecat-runner';
import { acme } from './acme.carrier.js';
import bot from './bot.js';

class PhoneBot extends BotLauncher {
  launch(args: RunnerArguments, session: BotSession): Promise<void> {
    return bot(args, session);
  }
}

@Module({
  imports: [
    RunnerModule.forRoot({
      launcher: { useClass: PhoneBot },
      transports: [
        TelephonyModule.forRoot({ carriers: [acme], credentials: { acme: { key: 'k' } } }),
      ],
      features: [MetricsModule.forRoot()],
    }),
  ],
})
class AppModule {}

const app = await NestFactory.create(AppModule, new FastifyAdapter(), { logger: ['error'] });
app.enableShutdownHooks();
await app.listen(0, '127.0.0.1');
console.log(`listening on ${new URL(await app.getUrl()).port}`);
