import type { DynamicModule } from '@nestjs/common';

/** DI token in the module of a transport that nobody configured. */
export const IMPLIED_TRANSPORT = Symbol('IMPLIED_TRANSPORT');

/** Marks the module of a transport that is there because it might be used: that it cannot be is no mistake to warn of. */
export const impliedTransport = (module: DynamicModule): DynamicModule => ({
  ...module,
  providers: [...(module.providers ?? []), { provide: IMPLIED_TRANSPORT, useValue: true }],
});
