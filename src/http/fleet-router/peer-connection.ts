import { type Agent, Agent as HttpAgent, type ClientRequestArgs } from 'node:http';
import { connect as connectPlain, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { textOfThrown } from '../../errors/thrown.js';
import { ASK_HEADER, type Hops, PROOF_HEADER } from './hops.js';
import type { PeerNode } from './peers.js';

/** Longest time until a new connection has proved whose it is, in milliseconds. */
const DIAL_TIMEOUT_MS = 1_000;
/** Longest answer to the question of a new connection, in bytes. */
const MAX_ANSWER_BYTES = 8_192;
/** Interval of TCP keep-alives, in milliseconds: they tell of a machine that is gone. */
const KEEP_ALIVE_MS = 5_000;
/** The most idle connections to one node. */
const MAX_IDLE = 32;
/** The most nodes to which connections are kept. */
const MAX_AGENTS = 500;

/** Another node that does not answer, or that is somebody else. */
export class PeerUnreachableError extends Error {
  override readonly name = 'PeerUnreachableError';
}

/** Connections to the other nodes. Each begins with a question that only the meant node can answer, since the address of a dead node can be somebody else's. */
export class PeerConnections {
  /** By the node's name, which is unique to its process: a connection to a former owner of an address is never used. */
  private readonly agents = new Map<string, PeerAgent>();

  constructor(private readonly hops: Hops) {}

  /** Returns the agent whose connections are to a node. */
  agentOf(node: PeerNode): Agent {
    const { name } = node;
    const agent = this.agents.get(name) ?? new PeerAgent((timeoutMs) => this.dial(node, timeoutMs));
    // In the order of their last use.
    this.agents.delete(name);
    this.agents.set(name, agent);
    if (this.agents.size > MAX_AGENTS) this.forget(this.agents.keys().next().value!);
    return agent;
  }

  /** Connects to a node, and has it prove its name. The connection is one of HTTP/1.1, without a request under way. @throws {PeerUnreachableError} */
  async dial({ name, url }: PeerNode, timeoutMs = DIAL_TIMEOUT_MS): Promise<Socket> {
    const { hostname, port, host, protocol } = new URL(url);
    const isSecure = protocol === 'https:';
    const at = {
      host: hostname.replace(/^\[|\]$/g, ''),
      port: Number(port || (isSecure ? 443 : 80)),
    };
    const socket = isSecure
      ? connectTls({ ...at, ...(/[a-z]/i.test(hostname) && { servername: hostname }) })
      : connectPlain(at);
    const ask = this.hops.sign('ask', name);
    try {
      await answered(socket, timeoutMs, {
        question: `GET / HTTP/1.1\r\nHost: ${host}\r\n${ASK_HEADER}: ${name} ${ask}\r\n\r\n`,
        proves: (proof) => this.hops.isSigned(proof, 'proof', name, ask),
      });
    } catch (cause) {
      socket.on('error', () => undefined).destroy();
      const { message } = textOfThrown(cause);
      throw new PeerUnreachableError(`node ${name} does not answer at ${url}: ${message}`, {
        cause,
      });
    }
    socket.setNoDelay(true).setKeepAlive(true, KEEP_ALIVE_MS);
    return socket;
  }

  /** Closes all connections. */
  close(): void {
    for (const agent of this.agents.values()) agent.destroy();
    this.agents.clear();
  }

  private forget(name: string): void {
    this.agents.get(name)?.closeIdle();
    this.agents.delete(name);
  }
}

/** Agent whose connections are to one node. */
class PeerAgent extends HttpAgent {
  constructor(private readonly dial: (timeoutMs?: number) => Promise<Socket>) {
    super({ keepAlive: true, maxFreeSockets: MAX_IDLE, scheduling: 'lifo' });
  }

  /** Closes connections that are idle, and each of the others after its request. */
  closeIdle(): void {
    this.maxFreeSockets = 0;
    for (const socket of Object.values(this.freeSockets).flat()) socket?.destroy();
  }

  override createConnection(
    _options: ClientRequestArgs,
    callback?: (error: Error | null, socket: Duplex) => void,
  ): undefined {
    this.dial().then(
      (socket) => callback?.(null, socket),
      // Node reads no socket beside an error.
      (error: Error) => callback?.(error, undefined as unknown as Duplex),
    );
    return undefined;
  }
}

interface Question {
  readonly question: string;
  readonly proves: (proof: string | undefined) => boolean;
}

/** Sends a question, and resolves when the answer proves what it should. */
function answered(socket: Socket, timeoutMs: number, { question, proves }: Question) {
  return new Promise<void>((resolve, reject) => {
    let read = '';
    const settle = (error?: Error): void => {
      clearTimeout(timer);
      socket.off('data', onData).off('error', settle).off('close', onClose);
      if (error) reject(error);
      else resolve();
    };
    const onClose = (): void => settle(new Error('it was closed'));
    const onData = (chunk: Buffer): void => {
      read += chunk.toString('latin1');
      const end = read.indexOf('\r\n\r\n');
      if (end === -1) {
        if (read.length > MAX_ANSWER_BYTES) settle(new Error('the answer is too long'));
        return;
      }
      const [status = '', ...headers] = read.slice(0, end).split('\r\n');
      const proof = headers
        .find((line) => line.toLowerCase().startsWith(`${PROOF_HEADER}:`))
        ?.slice(PROOF_HEADER.length + 1)
        .trim();
      const isOver = end + 4 === read.length && status.startsWith('HTTP/1.1 204 ');
      settle(isOver && proves(proof) ? undefined : new Error('it is not the node that is meant'));
    };
    const timer = setTimeout(() => settle(new Error(`not within ${timeoutMs} ms`)), timeoutMs);
    socket.on('data', onData).on('error', settle).on('close', onClose);
    socket.write(question);
  });
}
