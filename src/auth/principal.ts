import type { IncomingMessage } from 'node:http';
import { type HttpRequest, nodeRequest } from '../http/http-request.js';
import type { Principal } from './runner-auth.js';

const PRINCIPAL = Symbol('PRINCIPAL');
type WithPrincipal = IncomingMessage & { [PRINCIPAL]?: Principal };

/** Notes who a request is from. */
export function setPrincipal(request: HttpRequest, principal: Principal): void {
  (nodeRequest(request) as WithPrincipal)[PRINCIPAL] = principal;
}

/** Who a request is from, as the route's `@Access()` found out. */
export const principalOf = (request: HttpRequest): Principal | undefined =>
  (nodeRequest(request) as WithPrincipal)[PRINCIPAL];
