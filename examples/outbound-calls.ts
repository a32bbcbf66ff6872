import { Body, Controller, HttpCode, Injectable, Module, Post, Req } from '@nestjs/common';
import {
  Access,
  BotLauncher,
  type BotSession,
  principalOf,
  createTransport,
  type HttpRequest,
  InMemoryCallLimits,
  OutboundCalls,
  type RunnerArguments,
  RunnerModule,
  type SessionEndCode,
  TelephonyModule,
  type TenantCallLimits,
} from 'nestjs-pipecat-runner';
import { say } from './voice.js';

/** The limits of each tenant: a table of your database. */
@Injectable()
export class Tenants {
  private readonly limits: Record<string, TenantCallLimits> = {
    acme: {
      maxCalls: 2,
      maxMinutes: 60,
      destinations: ['+1555'],
      blockedDestinations: ['+1555900'],
    },
  };

  /** Nobody else calls anyone. */
  async callLimitsOf(tenant = ''): Promise<TenantCallLimits> {
    return this.limits[tenant] ?? { maxCalls: 0 };
  }
}

@Module({ providers: [Tenants], exports: [Tenants] })
export class TenantsModule {}

/** Reminds somebody of an appointment, who confirms it with 1. */
@Injectable()
export class ReminderBot extends BotLauncher {
  async launch(args: RunnerArguments, session: BotSession): Promise<void> {
    const { appointment } = args.body as { appointment: string };
    const transport = await createTransport(args);
    session.ready();
    await say(transport, `You have an appointment ${appointment}. Press one to confirm.`);
    for await (const key of transport.dtmfIn()) {
      if (key !== '1') continue;
      session.logger.log('confirmed');
      await say(transport, 'Thank you.');
      await transport.hangUp();
    }
  }
}

/** Calls patients, and keeps how it went. */
@Injectable()
export class Reminders {
  readonly outcomes = new Map<string, SessionEndCode>();

  constructor(private readonly calls: OutboundCalls) {}

  async remind(tenant: string | undefined, phone: string, appointment: string): Promise<string> {
    const { sessionId, ended } = await this.calls.dial({
      carrier: 'twilio',
      to: phone,
      from: '+15550100',
      body: { appointment },
      principal: { id: tenant },
      ringTimeoutMs: 25_000,
      maxDurationMs: 120_000,
    });
    // `expired` when nobody answered.
    void ended.then(({ code }) => this.outcomes.set(sessionId, code));
    return sessionId;
  }
}

/** `POST /reminders`, with the same keys as `POST /start`; the name of the key is the tenant. */
@Controller('reminders')
@Access('start')
export class RemindersController {
  constructor(private readonly reminders: Reminders) {}

  @Post()
  @HttpCode(202)
  async remind(
    @Req() request: HttpRequest,
    @Body() { phone, appointment }: { phone: string; appointment: string },
  ): Promise<{ sessionId: string }> {
    const tenant = principalOf(request)?.id;
    return { sessionId: await this.reminders.remind(tenant, phone, String(appointment)) };
  }
}

@Module({
  imports: [
    RunnerModule.forRootAsync({
      launcher: ReminderBot,
      imports: [TenantsModule],
      callLimits: {
        inject: [Tenants],
        useFactory: (tenants: Tenants) => new InMemoryCallLimits((id) => tenants.callLimitsOf(id)),
      },
      transports: [
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
      ],
      useFactory: () => ({
        publicUrl: process.env.PUBLIC_URL,
        publicKeys: [{ name: 'acme', key: process.env.ACME_KEY! }],
        webSocketAuth: 'token' as const,
      }),
    }),
  ],
  controllers: [RemindersController],
  providers: [Reminders],
})
export class AppModule {}
