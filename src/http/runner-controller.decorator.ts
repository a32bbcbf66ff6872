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
import type { BodyStreaming, SessionOf } from './runner-route.js';

/** Metadata key of a runner's controllers. */
export const RUNNER_CONTROLLER = Symbol('RUNNER_CONTROLLER');

/** Metadata key of handlers that stream the body. */
export const STREAMS_BODY = Symbol('STREAMS_BODY');

/** Marks a handler that streams a body of any type: `bodyStreamOf(request)`. */
export const StreamsBody = (streaming: BodyStreaming = 'limited'): MethodDecorator =>
  SetMetadata(STREAMS_BODY, streaming);

/** Metadata key of handlers whose requests name a session. */
export const SESSION_OF = Symbol('SESSION_OF');

/** Metadata key of handlers that begin a session, on any node. */
export const CAN_MOVE = Symbol('CAN_MOVE');

/** Marks a handler that needs the session's own node. @param sessionOf @default the route's `:id` */
export const OfSession = (sessionOf: SessionOf = (_request, id) => id): MethodDecorator =>
  SetMetadata(SESSION_OF, sessionOf);

/** Metadata key of handlers that continue for a session whose node does not answer. */
export const TAKES_OVER = Symbol('TAKES_OVER');

/** Marks a handler that decides itself about a session whose node does not answer. */
export const TakesOver = (): MethodDecorator => SetMetadata(TAKES_OVER, true);

/** Marks a handler that serves a session that waits, or opens one: a node without places passes it on. */
export const CanMove = (): MethodDecorator => SetMetadata(CAN_MOVE, true);

/** Metadata key of handlers that open sessions for whichever node. */
export const OPENS_ANYWHERE = Symbol('OPENS_ANYWHERE');

/** Marks a handler that opens sessions which any node can serve: a node that opens none passes its requests on. */
export const OpensAnywhere = (): MethodDecorator => SetMetadata(OPENS_ANYWHERE, true);

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
