import { Injectable, Module } from '@nestjs/common';
import {
  BotLauncher,
  type BotSession,
  callerParameters,
  createTransport,
  InMemoryCallLimits,
  type RunnerArguments,
  RunnerModule,
  TelephonyModule,
} from 'nestjs-pipecat-runner';
import { say } from './voice.js';

/** The desks, by their keys. */
const DESKS: Record<string, string> = {
  '1': '+15550011',
  '2': 'sip:support@pbx.example.com',
};

/** Answers the phone, and puts callers through: 1 is sales, 2 is support, # is goodbye. */
@Injectable()
export class FrontDesk extends BotLauncher {
  async launch(args: RunnerArguments, session: BotSession): Promise<void> {
    const transport = await createTransport(args);
    session.ready();
    void say(transport, 'Welcome. Press one for sales, two for support, or hash to hang up.');
    for await (const key of transport.dtmfIn()) {
      // Whoever presses a key has heard enough.
      transport.clear();
      const desk = DESKS[key];
      if (key === '#') {
        await say(transport, 'Goodbye.');
        await transport.hangUp();
      } else if (desk === undefined || !transport.canTransfer) {
        void say(transport, 'There is nobody here.');
      } else {
        const { ok, error } = await transport.transfer(desk);
        // Otherwise the caller is with the desk now, and this conversation is over.
        if (!ok) {
          session.logger.warn(`nobody was put through: ${error}`);
          void say(transport, 'Sorry, nobody can be reached. Please try again.');
        }
      }
    }
  }
}

@Module({
  imports: [
    RunnerModule.forRootAsync({
      launcher: FrontDesk,
      // However callers talk to a bot, it puts them through to nobody else.
      callLimits: {
        useFactory: () => new InMemoryCallLimits({ destinations: Object.values(DESKS) }),
      },
      transports: [
        TelephonyModule.forRootAsync({
          useFactory: () => ({
            customParameters: callerParameters,
            credentials: {
              twilio: {
                accountSid: process.env.TWILIO_ACCOUNT_SID!,
                authToken: process.env.TWILIO_AUTH_TOKEN!,
                apiUrl: process.env.TWILIO_API_URL,
              },
              plivo: {
                authId: process.env.PLIVO_AUTH_ID!,
                authToken: process.env.PLIVO_AUTH_TOKEN!,
                apiUrl: process.env.PLIVO_API_URL,
              },
            },
          }),
        }),
      ],
      useFactory: () => ({
        // Plivo fetches from there whom to dial.
        publicUrl: process.env.PUBLIC_URL,
        publicKeys: [process.env.RUNNER_KEY!],
        webSocketAuth: 'token' as const,
      }),
    }),
  ],
})
export class AppModule {}
