import {
  applyDecorators,
  Inject,
  Injectable,
  SetMetadata,
  type Type,
  UseFilters,
  UseGuards,
} from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { RunnerExceptionFilter } from '../http/runner-exception.filter.js';
import { ACCESS, type AccessKind } from './access.js';
import { AccessGuard } from './access.guard.js';
import { getAuthToken, RunnerAuth } from './runner-auth.js';

/**
 * Declares the access kind of a controller or handler, and so the key that requests need. Every controller of the runner has it. A host can use it on
 * its own controllers, in modules that see the runner's exports (`isGlobal`, or an import of the `RunnerModule`).
 *
 * @param runner `name` of the runner whose `RunnerAuth` decides @default the runner without a name
 */
export function Access(kind: AccessKind, runner?: string): ClassDecorator & MethodDecorator {
  return applyDecorators(
    SetMetadata(ACCESS, kind),
    ...(kind === 'open' || kind === 'webhook' ? [] : [UseGuards(guardOf(runner))]),
    UseFilters(RunnerExceptionFilter),
  );
}

function guardOf(runner: string | undefined): Type<AccessGuard> {
  if (runner === undefined) return AccessGuard;
  @Injectable()
  class NamedAccessGuard extends AccessGuard {
    constructor(@Inject(getAuthToken(runner)) auth: RunnerAuth, adapterHost: HttpAdapterHost) {
      super(auth, adapterHost);
    }
  }
  return NamedAccessGuard;
}
