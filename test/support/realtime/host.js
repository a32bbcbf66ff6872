// A host with OpenAI's agents, which says when its application is closed, and is left to exit by itself.
import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { BotLauncher, RunnerModule, TelephonyModule } from 'nestjs-pipecat-runner';
import bot from '../bots/openai-bot.js';

class Bot extends BotLauncher {
  launch(args, session) {
    return bot(args, session);
  }
}

const app = await NestFactory.create(
  RunnerModule.forRoot({
    launcher: Bot,
    transports: [TelephonyModule.forRoot()],
    drainTimeoutMs: 100,
    stopGraceMs: 100,
  }),
  { logger: ['error', 'warn'] },
);
await app.listen(0, '127.0.0.1');
console.log(`listening on ${app.getHttpServer().address().port}`);
// With `once`, OpenAI's library would end the process at once: it does where it is the only one who listens.
process.on('SIGTERM', async () => {
  await app.close();
  console.log('closed');
});
