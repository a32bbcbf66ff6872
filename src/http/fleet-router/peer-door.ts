import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { ASK_HEADER, PROOF_HEADER } from './hops.js';
import type { Peers } from './peers.js';

const DOORS = Symbol('DOORS');
type GuardedServer = Server & { [DOORS]?: Set<Peers> };

/**
 * Answers other nodes that ask for this one's name, ahead of the host's hooks and middleware. Several runners may have a fleet on one server.
 * @returns removes it again
 */
export function openDoor(server: Server, peers: Peers): () => void {
  const guarded = server as GuardedServer;
  const doors = (guarded[DOORS] ??= guard(server));
  doors.add(peers);
  return () => void doors.delete(peers);
}

/** Returns the fleets' sides on a server. */
export const peersAt = (server: Server): readonly Peers[] => [
  ...((server as GuardedServer)[DOORS] ?? []),
];

function guard(server: Server): Set<Peers> {
  const doors = new Set<Peers>();
  const emit = server.emit.bind(server);
  server.emit = (event: string, ...args: unknown[]): boolean => {
    if (event !== 'request') return emit(event, ...args);
    const [request, response] = args as [IncomingMessage, ServerResponse];
    const ask = request.headers[ASK_HEADER];
    if (typeof ask !== 'string') return emit(event, ...args);
    const proof = proofOf(ask, doors);
    // As any other request, for somebody who is no node.
    if (proof === undefined) return emit(event, ...args);
    response.writeHead(204, { [PROOF_HEADER]: proof }).end();
    return true;
  };
  return doors;
}

/** @returns `undefined` for a question that no node of these fleets has signed, or for another node */
function proofOf(ask: string, doors: ReadonlySet<Peers>): string | undefined {
  const [name = '', signature = ''] = ask.split(' ', 2);
  for (const peers of doors) {
    if (peers.name !== name || !peers.hops.isSigned(signature, 'ask', name)) continue;
    return peers.hops.sign('proof', name, signature);
  }
  return undefined;
}
