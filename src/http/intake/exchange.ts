import type { ServerResponse } from 'node:http';
import type { RunnerRequest } from '../runner-request.js';
import type { RunnerRoute } from '../runner-route.js';

/** A request for a route of a runner, before the framework has done anything about it. */
export interface Exchange {
  readonly route: RunnerRoute;
  readonly request: RunnerRequest;
  /** Node's response under the framework's. */
  readonly response: ServerResponse;
  /** A header of the answer, as far as it is known; its name in lower case. */
  header(name: string): unknown;
  setHeader(name: string, value: string): void;
  /** True if the host answers CORS by itself, with `app.enableCors()` or the packages behind it. */
  hostHasCors(): boolean;
}

/** An exchange that is not answered yet, with the ways that are left to it. */
export interface OpenExchange extends Exchange {
  /** Goes on with the framework. */
  next(): void;
  /** Node's response, from now on left alone by the framework, with the headers that it was to have. */
  takeOver(): ServerResponse;
}

/** A route of a runner as the router has it. */
export interface RoutedRoute {
  /** In the router's own words, such as `/api/sessions/:id/*path`. */
  readonly path: string;
  readonly route: RunnerRoute;
}

/** The runner's own part of the intake. */
export interface Receiver {
  /** Reads the body, or answers. */
  receive(exchange: OpenExchange): void;
  /** Sets the CORS headers of an answer that was given before {@link receive}. */
  allowOrigin(exchange: Exchange): void;
  /** Answers `OPTIONS`, which no handler does. @param methods what the route takes */
  answerOptions(exchange: OpenExchange, methods: readonly string[]): void;
}

/** The intake as it is built into a framework. */
export interface InstalledIntake {
  /** The routes of all runners, once Nest has registered them. */
  readonly routes: readonly RoutedRoute[];
  /** Registers what belongs to the routes but is none of Nest's: called when all routes are registered. */
  complete(): void;
}
