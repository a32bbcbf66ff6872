import type { IncomingMessage } from 'node:http';
import { type HttpRequest, nodeRequest } from '../http/http-request.js';
import type { Caller } from './runner-auth.js';

const CALLER = Symbol('CALLER');
type WithCaller = IncomingMessage & { [CALLER]?: Caller };

/** Notes who a request is from. */
export function setCaller(request: HttpRequest, caller: Caller): void {
  (nodeRequest(request) as WithCaller)[CALLER] = caller;
}

/** Who a request is from, as the route's `@Access()` found out. */
export const callerOf = (request: HttpRequest): Caller | undefined =>
  (nodeRequest(request) as WithCaller)[CALLER];
