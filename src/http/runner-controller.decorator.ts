import {
  applyDecorators,
  Controller,
  SetMetadata,
  UseFilters,
  UseGuards,
  VERSION_NEUTRAL,
} from '@nestjs/common';
import { IntakeGuard } from './intake/intake.guard.js';
import { RunnerExceptionFilter } from './runner-exception.filter.js';
import type { BodyStreaming } from './runner-route.js';

/** Metadata key of a runner's controllers. */
export const RUNNER_CONTROLLER = Symbol('RUNNER_CONTROLLER');

/** Metadata key of handlers that stream the body. */
export const STREAMS_BODY = Symbol('STREAMS_BODY');

/** Marks a handler that streams a body of any type: `bodyStreamOf(request)`. */
export const StreamsBody = (streaming: BodyStreaming = 'limited'): MethodDecorator =>
  SetMetadata(STREAMS_BODY, streaming);

/**
 * Marks a controller of the runner: exempt from the host's versioning, with the runner's error format, CORS and body parsing. `request.body`
 * bypasses the host's global pipes. Each route requires an `@Access(…)`, its own or the controller's.
 */
export function RunnerController(path = ''): ClassDecorator {
  return applyDecorators(
    Controller({ path, version: VERSION_NEUTRAL }),
    SetMetadata(RUNNER_CONTROLLER, true),
    UseGuards(IntakeGuard),
    UseFilters(RunnerExceptionFilter),
  );
}
