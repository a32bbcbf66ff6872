import { Controller, Get, Injectable, Module, Query } from '@nestjs/common';
import {
  Access,
  BotLauncher,
  type BotSession,
  createTransport,
  type RefusalRecord,
  type RunnerArguments,
  RunnerModule,
  SessionHooks,
  type SessionRecord,
  TelephonyModule,
} from 'nestjs-pipecat-runner';
import { say } from './voice.js';

/** A line of an invoice. */
export interface CallRow {
  readonly sessionId: string | undefined;
  readonly tenant: string | undefined;
  readonly from: string | undefined;
  readonly seconds: number;
  /** The reason of its end or refusal. */
  readonly outcome: string;
}

/** The calls of all tenants: a table of your database. */
@Injectable()
export class CallsTable {
  readonly rows: CallRow[] = [];

  async insert(row: CallRow): Promise<void> {
    this.rows.push(row);
  }

  async ofTenant(tenant: string): Promise<CallRow[]> {
    return this.rows.filter((row) => row.tenant === tenant);
  }
}

@Module({ providers: [CallsTable], exports: [CallsTable] })
export class DatabaseModule {}

/** Writes down every call, however it ends, and those that were not taken. */
@Injectable()
export class CallRecords extends SessionHooks {
  constructor(private readonly calls: CallsTable) {
    super();
  }

  ended({ sessionId, principal, call, durationMs, code }: SessionRecord): Promise<void> {
    return this.calls.insert({
      sessionId,
      tenant: principal?.id,
      from: call?.from,
      seconds: Math.ceil(durationMs / 1_000),
      outcome: code,
    });
  }

  override refused({ principal, call, code }: RefusalRecord): Promise<void> {
    return this.calls.insert({
      sessionId: undefined,
      tenant: principal?.id,
      from: call?.from,
      seconds: 0,
      outcome: code,
    });
  }
}

/** Says something, and hangs up. */
@Injectable()
export class InfoBot extends BotLauncher {
  async launch(args: RunnerArguments, session: BotSession): Promise<void> {
    const transport = await createTransport(args);
    session.ready();
    await say(transport, 'The office is open from nine to five.');
    const { ok, error } = await transport.hangUp();
    if (!ok) session.logger.warn(`the call may go on: ${error}`);
  }
}

/** `GET /calls?tenant=…`, with a private key. */
@Controller('calls')
@Access('manage')
export class CallsController {
  constructor(private readonly calls: CallsTable) {}

  @Get()
  list(@Query('tenant') tenant: string): Promise<CallRow[]> {
    return this.calls.ofTenant(tenant);
  }
}

@Module({
  imports: [
    DatabaseModule,
    RunnerModule.forRootAsync({
      launcher: InfoBot,
      sessionHooks: CallRecords,
      imports: [DatabaseModule],
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
        publicKeys: [{ name: 'acme', key: process.env.ACME_KEY!, maxSessions: 1 }],
        privateKeys: [process.env.RUNNER_KEY!],
        webSocketAuth: 'token' as const,
      }),
    }),
  ],
  controllers: [CallsController],
})
export class AppModule {}
