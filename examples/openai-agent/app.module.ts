import { Module } from '@nestjs/common';
import { RunnerModule, TelephonyModule, WebSocketModule } from 'nestjs-pipecat-runner';
import { OrdersService } from './orders.service.js';
import { SupportAgents } from './support.agents.js';
import { SupportBot } from './support.bot.js';

@Module({ providers: [OrdersService, SupportAgents], exports: [SupportAgents] })
export class SupportModule {}

@Module({
  imports: [
    RunnerModule.forRootAsync({
      launcher: SupportBot,
      imports: [SupportModule],
      transports: [WebSocketModule.forRoot(), TelephonyModule.forRoot()],
      // The console at `/client` talks with the bot in the browser.
      console: true,
      useFactory: () => ({ publicUrl: process.env.PUBLIC_URL }),
    }),
  ],
})
export class AppModule {}
