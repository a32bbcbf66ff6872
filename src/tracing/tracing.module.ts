import { type DynamicModule, Injectable, Module, type OnModuleInit } from '@nestjs/common';
import { neededPackage } from '../packages.js';
import { SessionRegistry } from '../sessions/session-registry.js';
import { RunnerPart } from '../validation/runner-part.decorator.js';
import { SessionSpans } from './session-spans.js';

@Injectable()
class RunnerTracing implements OnModuleInit {
  constructor(private readonly sessions: SessionRegistry) {}

  async onModuleInit(): Promise<void> {
    const api = await neededPackage(
      '@opentelemetry/api',
      'TracingModule',
      () => import('@opentelemetry/api'),
    );
    this.sessions.observers.add(new SessionSpans(api));
  }
}

/** OpenTelemetry tracing with a span for each session. Needs the package `@opentelemetry/api`; the host sets up the SDK. */
@RunnerPart('features')
@Module({ providers: [RunnerTracing] })
export class TracingModule {
  static forRoot(): DynamicModule {
    return { module: TracingModule };
  }
}
