// A host that limits how often anybody may ask for anything, but for probes and carriers, as docs/host-integration.md shows. In a process of its own:
// @nestjs/throttler is CommonJS, which under Jest cannot load Nest 12. Usage: node guarded-host.js fastify|express
import 'reflect-metadata';
import { Controller, Get, Module } from '@nestjs/common';
import { APP_GUARD, NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { ThrottlerGuard, ThrottlerModule } from '@nestjs/throttler';
import {
  BotLauncher,
  runnerAccess,
  RunnerModule,
  TelephonyModule,
  WebSocketModule,
} from 'nestjs-pipecat-runner';

class Bot extends BotLauncher {
  async launch() {}
}

class OwnController {
  get() {
    return 'own';
  }
}
Controller('own')(OwnController);
Get()(
  OwnController.prototype,
  'get',
  Object.getOwnPropertyDescriptor(OwnController.prototype, 'get'),
);

class AppModule {}
Module({
  imports: [
    RunnerModule.forRoot({
      launcher: Bot,
      transports: [WebSocketModule.forRoot(), TelephonyModule.forRoot()],
      defaultTransport: 'websocket',
    }),
    ThrottlerModule.forRoot({
      throttlers: [{ ttl: 60_000, limit: 2 }],
      skipIf: (context) => ['open', 'webhook'].includes(runnerAccess(context)),
    }),
  ],
  controllers: [OwnController],
  providers: [{ provide: APP_GUARD, useClass: ThrottlerGuard }],
})(AppModule);

const adapter = process.argv[2] === 'express' ? new ExpressAdapter() : new FastifyAdapter();
const app = await NestFactory.create(AppModule, adapter, { logger: ['error'] });
await app.listen(0, '127.0.0.1');
console.log(`listening on ${app.getHttpServer().address().port}`);
