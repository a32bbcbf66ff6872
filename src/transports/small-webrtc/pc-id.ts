import { randomUUID } from 'node:crypto';
import { fieldOf } from '../../errors/thrown.js';

const PC_ID = /^\w{1,40}#([\w-]{1,64})-[0-9a-f]{32}$/;

/** Returns a new connection id. It names its session, so that any node of a fleet finds it, and nobody guesses it. */
export const newPcId = (kind: string, sessionId: string): string =>
  `${kind}#${sessionId}-${randomUUID().replaceAll('-', '')}`;

/** Returns the id of the session that the `pc_id` of a body names, if it has one. */
export function sessionIdOfPcId(body: unknown): string | undefined {
  const pcId = fieldOf(body, 'pc_id');
  return typeof pcId === 'string' ? PC_ID.exec(pcId)?.[1] : undefined;
}
