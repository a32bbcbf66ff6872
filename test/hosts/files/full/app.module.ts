import { Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { BullModule } from '@nestjs/bullmq';
import { PassportModule } from '@nestjs/passport';
import { ThrottlerGuard, ThrottlerModule } from '@nestjs/throttler';
import { TypeOrmModule } from '@nestjs/typeorm';
import { ClsModule } from 'nestjs-cls';
import { LoggerModule } from 'nestjs-pino';
import {
  MetricsModule,
  RunnerModule,
  TelephonyModule,
  TracingModule,
  WebSocketModule,
} from 'nestjs-pipecat-runner';
import { ChatGateway } from './chat.gateway';
import { EchoBot } from './echo.bot';
import { JwtStrategy } from './jwt.strategy';
import { Visit } from './visit.entity';
import { VisitsController } from './visits.controller';

@Module({
  imports: [
    LoggerModule.forRoot({ pinoHttp: { level: 'warn' } }),
    ClsModule.forRoot({
      global: true,
      middleware: {
        mount: true,
        setup: (cls, request) => cls.set('user', request.headers['x-user']),
      },
    }),
    ThrottlerModule.forRoot([{ ttl: 60_000, limit: 1_000 }]),
    TypeOrmModule.forRoot({ type: 'sqljs', entities: [Visit], synchronize: true }),
    TypeOrmModule.forFeature([Visit]),
    // There is no Redis: nothing may wait for it.
    BullModule.forRoot({ connection: { host: '127.0.0.1', port: 1, lazyConnect: true } }),
    PassportModule,
    RunnerModule.forRoot({
      launcher: EchoBot,
      transports: [WebSocketModule.forRoot(), TelephonyModule.forRoot()],
      features: [MetricsModule.forRoot(), TracingModule.forRoot()],
    }),
  ],
  controllers: [VisitsController],
  providers: [{ provide: APP_GUARD, useClass: ThrottlerGuard }, ChatGateway, JwtStrategy],
})
export class AppModule {}
