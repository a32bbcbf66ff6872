import type { IncomingMessage } from 'node:http';

const RECEIVED = Symbol('RECEIVED');
type MaybeReceived = IncomingMessage & { [RECEIVED]?: true };

/** Notes that the intake has seen to a request. */
export function markReceived(request: IncomingMessage): void {
  (request as MaybeReceived)[RECEIVED] = true;
}

/** Whether the intake has seen to a request. */
export const isReceived = (request: IncomingMessage): boolean =>
  (request as MaybeReceived)[RECEIVED] === true;
