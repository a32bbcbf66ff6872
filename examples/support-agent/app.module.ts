import { Module } from '@nestjs/common';
import {
  InMemoryCallLimits,
  LiveKitModule,
  RunnerModule,
  SmallWebRtcModule,
  TelephonyModule,
  WebSocketModule,
} from 'nestjs-pipecat-runner';
import { Orders } from './orders.js';
import { SupportBot } from './support.bot.js';

@Module({ providers: [Orders], exports: [Orders] })
export class OrdersModule {}

@Module({
  imports: [
    RunnerModule.forRootAsync({
      imports: [OrdersModule],
      launcher: SupportBot,
      // However callers talk to the agent, it puts them through to nobody else.
      callLimits: {
        useFactory: () =>
          new InMemoryCallLimits({
            destinations: process.env.SUPPORT_DESK ? [process.env.SUPPORT_DESK] : [],
          }),
      },
      transports: [
        WebSocketModule.forRoot(),
        SmallWebRtcModule.forRoot(),
        TelephonyModule.forRootAsync({
          useFactory: () => ({
            credentials: {
              twilio: {
                accountSid: process.env.TWILIO_ACCOUNT_SID!,
                authToken: process.env.TWILIO_AUTH_TOKEN!,
                apiUrl: process.env.TWILIO_API_URL,
              },
            },
          }),
        }),
        LiveKitModule.forRootAsync({
          useFactory: () => ({
            url: process.env.LIVEKIT_URL,
            apiKey: process.env.LIVEKIT_API_KEY,
            apiSecret: process.env.LIVEKIT_API_SECRET,
            deleteRoomOnEnd: true,
          }),
        }),
      ],
      console: process.env.NODE_ENV !== 'production',
      useFactory: () => ({
        publicUrl: process.env.PUBLIC_URL,
        publicKeys: process.env.RUNNER_KEY ? [process.env.RUNNER_KEY] : undefined,
      }),
    }),
  ],
})
export class AppModule {}
