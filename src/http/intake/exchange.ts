import type { RunnerRequest } from '../runner-request.js';
import type { RunnerRoute } from '../runner-route.js';

/** Request for a route of a runner, before the framework has handled it. */
export interface Exchange {
  readonly route: RunnerRoute;
  readonly request: RunnerRequest;
  /** The framework's response. */
  readonly reply: unknown;
  /** Returns a response header set so far; its name in lower case. */
  header(name: string): unknown;
  setHeader(name: string, value: string): void;
  /** True if the host answers CORS itself, with `app.enableCors()` or its packages. */
  hostHasCors(): boolean;
}

/** Exchange without an answer yet. */
export interface OpenExchange extends Exchange {
  /** Returns a path parameter of the route. */
  param(name: string): string | undefined;
  /** Continues with the framework. */
  next(): void;
}

/** Route of a runner as registered in the router. */
export interface RoutedRoute {
  /** Path in the router's syntax, such as `/api/sessions/:id/*path`. */
  readonly path: string;
  readonly route: RunnerRoute;
}

/** Request intake of one runner. */
export interface Receiver {
  /** Reads the body, or answers. */
  receive(exchange: OpenExchange): void;
  /** Sets the CORS headers of an answer sent before {@link receive}. */
  allowOrigin(exchange: Exchange): void;
  /** Answers `OPTIONS`, which has no handler. @param methods allowed methods of the route */
  answerOptions(exchange: OpenExchange, methods: readonly string[]): void;
}

/** Request intake installed in a framework. */
export interface InstalledIntake {
  /** Routes of all runners, once Nest has registered them. */
  readonly routes: readonly RoutedRoute[];
  /** Registers additional routes, once all routes are registered. */
  complete(): void;
}
