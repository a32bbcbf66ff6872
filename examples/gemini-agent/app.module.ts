import { Module } from '@nestjs/common';
import { RunnerModule, TelephonyModule, WebSocketModule } from 'nestjs-pipecat-runner';
import { BookingBot } from './booking.bot.js';
import { TablesService } from './tables.service.js';

@Module({ providers: [TablesService], exports: [TablesService] })
export class TablesModule {}

@Module({
  imports: [
    RunnerModule.forRootAsync({
      launcher: BookingBot,
      imports: [TablesModule],
      transports: [WebSocketModule.forRoot(), TelephonyModule.forRoot()],
      // The console at `/client` talks with the bot in the browser.
      console: true,
      useFactory: () => ({ publicUrl: process.env.PUBLIC_URL }),
    }),
  ],
})
export class AppModule {}
