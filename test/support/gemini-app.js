// An application whose bot talks to Gemini, closed by SIGTERM. It says when `app.close()` has resolved.
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { BotLauncher, RunnerModule, WebSocketModule } from 'nestjs-pipecat-runner';
import bot from './bots/gemini-bot.js';

class Bot extends BotLauncher {
  launch(args, session) {
    return bot(args, session);
  }
}
class AppModule {}
Module({
  imports: [RunnerModule.forRoot({ launcher: Bot, transports: [WebSocketModule.forRoot()] })],
})(AppModule);

const app = await NestFactory.create(AppModule, new FastifyAdapter(), { logger: ['error'] });
process.once(
  'SIGTERM',
  () => void app.close().then(() => console.log('the application is closed')),
);
await app.listen(0, '127.0.0.1');
console.log(`listening on ${app.getHttpServer().address().port}`);
