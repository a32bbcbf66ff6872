import { Injectable, Module } from '@nestjs/common';
import {
  BotLauncher,
  type BotSession,
  type CallDecision,
  CallRouter,
  createTransport,
  type IncomingCall,
  type RunnerArguments,
  RunnerModule,
  TelephonyModule,
} from 'nestjs-pipecat-runner';
import { say } from './voice.js';

/** A number of a tenant's, on an account of its own with Twilio. */
export interface TenantNumber {
  readonly tenant: string;
  readonly bot: 'sales' | 'support';
  readonly greeting: string;
  /** The most callers at once. */
  readonly lines: number;
  readonly isOpen: boolean;
  readonly account: {
    readonly accountSid: string;
    readonly authToken: string;
    readonly apiUrl?: string;
  };
}

/** The numbers of all tenants: a table of your database. */
@Injectable()
export class Numbers {
  readonly rows = new Map<string, TenantNumber>();

  async find(number: string | undefined): Promise<TenantNumber | undefined> {
    return this.rows.get(number ?? '');
  }

  /** The URL of each tenant's webhook ends with `?tenant=<its name>`. */
  async authTokensOf(tenant: string | undefined): Promise<string[]> {
    return [...this.rows.values()]
      .filter((row) => row.tenant === tenant)
      .map(({ account }) => account.authToken);
  }
}

@Module({ providers: [Numbers], exports: [Numbers] })
export class NumbersModule {}

/** Decides about each call by the number that was dialled. */
@Injectable()
export class NumbersRouter extends CallRouter {
  constructor(private readonly numbers: Numbers) {
    super();
  }

  override webhookKeys({ query }: IncomingCall): Promise<string[]> {
    return this.numbers.authTokensOf(query.tenant);
  }

  async route({ to, query }: IncomingCall): Promise<CallDecision> {
    const number = await this.numbers.find(to);
    if (!number || number.tenant !== query.tenant) return { refuse: 'rejected' };
    if (!number.isOpen) return { refuse: { say: 'We are closed. Please call again tomorrow.' } };
    return {
      bot: number.bot,
      body: { greeting: number.greeting },
      principal: { id: number.tenant, maxSessions: number.lines },
      maxDurationMs: 600_000,
      credentials: { twilio: number.account },
    };
  }
}

/** Greets, and listens. */
@Injectable()
export class SalesBot extends BotLauncher {
  async launch(args: RunnerArguments, session: BotSession): Promise<void> {
    const { greeting } = args.body as { greeting: string };
    const transport = await createTransport(args);
    session.ready();
    await say(transport, greeting);
    for await (const key of transport.dtmfIn()) if (key === '#') await transport.hangUp();
  }
}

/** Says back what it hears. */
@Injectable()
export class SupportBot extends BotLauncher {
  async launch(args: RunnerArguments, session: BotSession): Promise<void> {
    const transport = await createTransport(args);
    session.ready();
    for await (const frame of transport.audioIn()) void transport.sendAudio(frame);
  }
}

/** Has the bot talk that the router has named. */
@Injectable()
export class Bots extends BotLauncher {
  private readonly bots: Record<string, BotLauncher>;

  constructor(sales: SalesBot, support: SupportBot) {
    super();
    this.bots = { sales, support };
  }

  launch(args: RunnerArguments, session: BotSession): Promise<void> {
    const bot = this.bots[session.bot ?? 'support'];
    if (!bot) throw new Error(`there is no bot called ${session.bot}`);
    return bot.launch(args, session);
  }
}

@Module({ providers: [SalesBot, SupportBot], exports: [SalesBot, SupportBot] })
export class BotsModule {}

@Module({
  imports: [
    RunnerModule.forRootAsync({
      launcher: Bots,
      callRouter: NumbersRouter,
      imports: [NumbersModule, BotsModule],
      transports: [TelephonyModule.forRoot()],
      useFactory: () => ({
        publicUrl: process.env.PUBLIC_URL,
        publicKeys: [process.env.RUNNER_KEY!],
        webSocketAuth: 'token' as const,
      }),
    }),
  ],
})
export class AppModule {}
