import { createHash, timingSafeEqual } from 'node:crypto';
import {
  Body,
  type CanActivate,
  Controller,
  type ExecutionContext,
  HttpCode,
  Injectable,
  Module,
  Post,
  UseGuards,
} from '@nestjs/common';
import {
  BotLauncher,
  type BotSession,
  createTransport,
  type HttpRequest,
  InjectRunner,
  OutboundCalls,
  Runner,
  type RunnerArguments,
  RunnerModule,
  TelephonyModule,
  WebSocketModule,
} from 'nestjs-pipecat-runner';
import { say } from './voice.js';

/** Sells things on the phone, and calls people back. */
@Injectable()
export class SalesBot extends BotLauncher {
  async launch(args: RunnerArguments, session: BotSession): Promise<void> {
    const transport = await createTransport(args);
    session.ready();
    await say(transport, 'Thank you for your interest. What may we send you?');
    for await (const key of transport.dtmfIn()) if (key === '#') await transport.hangUp();
  }
}

/** Says back what it hears, on the phone and in the browser. */
@Injectable()
export class SupportBot extends BotLauncher {
  async launch(args: RunnerArguments, session: BotSession): Promise<void> {
    const transport = await createTransport(args);
    session.ready();
    for await (const frame of transport.audioIn()) void transport.sendAudio(frame);
  }
}

/** Lets in the shop, for whoever asks has somebody called. */
@Injectable()
export class ShopGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const { headers } = context.switchToHttp().getRequest<HttpRequest>();
    const [given, key] = [headers.authorization ?? '', `Bearer ${process.env.SHOP_KEY}`].map(
      (text) => createHash('sha256').update(text).digest(),
    );
    return timingSafeEqual(given!, key!);
  }
}

/** `POST /callbacks`: what belongs to one of the runners is had from it by its name. */
@Controller('callbacks')
@UseGuards(ShopGuard)
export class CallbacksController {
  constructor(@InjectRunner('sales') private readonly sales: Runner) {}

  @Post()
  @HttpCode(202)
  async call(@Body() { phone }: { phone: string }): Promise<{ sessionId: string }> {
    const calls = this.sales.get(OutboundCalls);
    const { sessionId } = await calls.dial({ carrier: 'twilio', to: phone, from: '+15550100' });
    return { sessionId };
  }
}

const telephony = () =>
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
  });

@Module({
  imports: [
    // `/sales/start`, `/sales/telephony/twilio`, `/sales/ws`, …
    RunnerModule.forRootAsync({
      name: 'sales',
      path: 'sales',
      launcher: SalesBot,
      transports: [telephony()],
      useFactory: () => ({
        publicUrl: process.env.PUBLIC_URL,
        publicKeys: [process.env.SALES_KEY!],
        webSocketAuth: 'token' as const,
        maxSessions: 50,
      }),
    }),
    // `/support/start`, `/support/ws-client`, …
    RunnerModule.forRootAsync({
      name: 'support',
      path: 'support',
      launcher: SupportBot,
      transports: [telephony(), WebSocketModule.forRoot()],
      useFactory: () => ({
        publicUrl: process.env.PUBLIC_URL,
        publicKeys: [process.env.SUPPORT_KEY!],
        webSocketAuth: 'token' as const,
        maxSessions: 1,
      }),
    }),
  ],
  controllers: [CallbacksController],
})
export class AppModule {}
