import type { DynamicModule } from '@nestjs/common';

/** DI token that marks the module of a transport nobody configured explicitly. */
export const IMPLIED_TRANSPORT = Symbol('IMPLIED_TRANSPORT');

/** Marks a transport module as implied: when it is disabled, no warning is logged. */
export const impliedTransport = (module: DynamicModule): DynamicModule => ({
  ...module,
  providers: [...(module.providers ?? []), { provide: IMPLIED_TRANSPORT, useValue: true }],
});
