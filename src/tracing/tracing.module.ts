import { type DynamicModule, Injectable, Module, type OnModuleInit } from '@nestjs/common';
import { optionalPackage } from '../errors/optional-package.js';
import { SessionRegistry } from '../sessions/session-registry.js';
import { SessionSpans } from './session-spans.js';

@Injectable()
class RunnerTracing implements OnModuleInit {
  constructor(private readonly sessions: SessionRegistry) {}

  async onModuleInit(): Promise<void> {
    const api = await optionalPackage(
      '@opentelemetry/api',
      'TracingModule',
      () => import('@opentelemetry/api'),
    );
    this.sessions.observers.add(new SessionSpans(api));
  }
}

/**
 * A span of OpenTelemetry for each session. Needs the package `@opentelemetry/api`; which SDK takes the spans, if any, is the host's
 * choice.
 */
@Module({ providers: [RunnerTracing] })
export class TracingModule {
  static forRoot(): DynamicModule {
    return { module: TracingModule };
  }
}
