import { applyDecorators, SetMetadata, UseFilters, UseGuards } from '@nestjs/common';
import { RunnerExceptionFilter } from '../http/runner-exception.filter.js';
import { ACCESS, type AccessKind } from './access.js';
import { AccessGuard } from './access.guard.js';

/**
 * Says what a controller's or handler's requests have to show. Every controller of the runner has it; a host can put it on its own
 * to protect them in the same way, in modules that see the runner's exports (`isGlobal`, or an import of the `RunnerModule`).
 */
export function Access(kind: AccessKind): ClassDecorator & MethodDecorator {
  return applyDecorators(
    SetMetadata(ACCESS, kind),
    ...(kind === 'open' || kind === 'webhook' ? [] : [UseGuards(AccessGuard)]),
    UseFilters(RunnerExceptionFilter),
  );
}
