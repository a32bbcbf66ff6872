import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { LogBudget } from '../../errors/log-budget.js';
import { RunnerLogger } from '../../errors/runner-logger.js';
import { textOfThrown } from '../../errors/thrown.js';
import { endToEnd } from './forwarded-headers.js';
import type { PeerConnections } from './peer-connection.js';
import type { PeerNode } from './peers.js';

/** Longest time until a node has proved whose it is, in milliseconds: the client waits. */
const DIAL_TIMEOUT_MS = 300;

/** Upgrades that are piped to other nodes as they came, since this one has no place for their sessions. */
export class UpgradePipes {
  private readonly log = new LogBudget(new RunnerLogger('PipecatFleet'));
  private readonly open = new Set<Duplex>();
  private readonly missed = new WeakSet<IncomingMessage>();
  private waiting: (() => void)[] = [];

  /** @param onPassed called for each that was passed on */
  constructor(
    private readonly connections: PeerConnections,
    private readonly onPassed: () => void,
  ) {}

  /** Number of sockets that are piped. */
  get size(): number {
    return this.open.size;
  }

  /** Resolves when no socket is piped. */
  async ended(): Promise<void> {
    while (this.open.size > 0) await new Promise<void>((resolve) => this.waiting.push(resolve));
  }

  /** True for an upgrade that a node should have had that did not answer. */
  hasMissed(request: IncomingMessage): boolean {
    return this.missed.has(request);
  }

  /** Cuts all of them. */
  cut(): void {
    for (const socket of this.open) socket.destroy();
  }

  /**
   * Pipes an upgrade to the first of the nodes that answers within 300 ms, and takes it.
   * @param headers what this node says beside the client
   * @returns false when none does, and the upgrade is as it was. Never rejects.
   */
  async pass(
    upgrade: { request: IncomingMessage; socket: Duplex; head: Buffer },
    nodes: Promise<readonly PeerNode[]>,
    headers: readonly (readonly [string, string])[],
  ): Promise<boolean> {
    const { request, socket, head } = upgrade;
    const ignore = (): void => undefined;
    socket.on('error', ignore);
    // It counts from now on: the wait for what is passed on must not miss it.
    this.open.add(socket);
    socket.once('close', () => this.gone(socket));
    for (const node of await nodes) {
      const peer = await this.dial(node);
      if (!peer) {
        this.missed.add(request);
        continue;
      }
      const first = Buffer.concat([headOf(request, headers), head]);
      if (!(await isTaken(first, socket, peer))) continue;
      connect(socket, peer);
      this.onPassed();
      return true;
    }
    this.gone(socket);
    socket.off('error', ignore);
    return socket.destroyed;
  }

  private gone(socket: Duplex): void {
    if (!this.open.delete(socket) || this.open.size > 0) return;
    for (const resolve of this.waiting.splice(0)) resolve();
  }

  private async dial(node: PeerNode): Promise<Duplex | undefined> {
    try {
      return await this.connections.dial(node, DIAL_TIMEOUT_MS);
    } catch (error) {
      const { message } = textOfThrown(error);
      this.log.warn(`a socket was not passed on: ${message}`, 'sockets not passed on');
      return undefined;
    }
  }
}

/** Begin of the answer of a node that takes no socket. No gateway answers so. */
const RETURNED = 'HTTP/1.1 421';

/** Returns an upgrade to the node that has passed it on: another one may have places. */
export function returnUpgrade(socket: Duplex): Promise<true> {
  socket.on('error', () => undefined).once('finish', () => socket.destroy());
  socket.end(`${RETURNED} Misdirected Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
  return Promise.resolve(true);
}

/** Sends an upgrade to a node. Resolves with false when it has returned it, of which the client knows nothing. Never rejects. */
function isTaken(upgrade: Buffer, client: Duplex, peer: Duplex): Promise<boolean> {
  const cut = (): void => void peer.destroy();
  return new Promise((resolve) => {
    const look = (): void => {
      const begin = peer.read(RETURNED.length) as Buffer | null;
      if (!begin) return;
      peer.off('readable', look);
      client.off('close', cut);
      const isReturned = begin.toString('latin1') === RETURNED;
      if (isReturned) cut();
      else peer.unshift(begin);
      resolve(!isReturned);
    };
    peer.on('error', cut).once('close', () => resolve(true));
    peer.on('readable', look);
    client.once('close', cut);
    if (client.destroyed) cut();
    else peer.write(upgrade);
  });
}

/** Either end goes with the other. */
function connect(client: Duplex, peer: Duplex): void {
  if (peer.destroyed || client.destroyed) {
    peer.destroy();
    client.destroy();
    return;
  }
  peer.on('error', () => client.destroy()).once('close', () => client.destroy());
  client.once('close', () => peer.destroy());
  client.pipe(peer);
  peer.pipe(client);
}

/**
 * Returns the request line and headers of an upgrade for another node. Those of the connection are this node's own, and come first: Node drops headers past
 * the thousandth, and a request that is no upgrade for the other node would give the client a connection between nodes.
 */
function headOf(
  { method, url = '/', headers, rawHeaders }: IncomingMessage,
  added: readonly (readonly [string, string])[],
): Buffer {
  const own = [...added, ['connection', 'Upgrade'], ['upgrade', headers.upgrade]] as const;
  const replaced = new Set(added.map(([name]) => name));
  const kept = endToEnd(rawHeaders).filter(([name]) => !replaced.has(name));
  const lines = [...own, ...kept].map(([name, value]) => `${name}: ${value}`);
  return Buffer.from(`${[`${method} ${url} HTTP/1.1`, ...lines].join('\r\n')}\r\n\r\n`, 'latin1');
}
