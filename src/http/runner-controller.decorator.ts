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

/** Marks a controller as the runner's. */
export const RUNNER_CONTROLLER = Symbol('RUNNER_CONTROLLER');

/** Marks a handler that reads the body itself. */
export const STREAMS_BODY = Symbol('STREAMS_BODY');

/** A handler that wants the body as it comes in, of any type: `bodyStreamOf(request)`. */
export const StreamsBody = (): MethodDecorator => SetMetadata(STREAMS_BODY, true);

/**
 * A controller of the runner: untouched by the host's versioning, with the runner's error answers, CORS and body
 * parsing. Take the body with `bodyOf(request)`, so that the host's global pipes do not see it. Every one of its routes needs an
 * `@Access(…)`, its own or the controller's.
 */
export function RunnerController(path = ''): ClassDecorator {
  return applyDecorators(
    Controller({ path, version: VERSION_NEUTRAL }),
    SetMetadata(RUNNER_CONTROLLER, true),
    UseGuards(IntakeGuard),
    UseFilters(RunnerExceptionFilter),
  );
}
