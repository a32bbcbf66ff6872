import { RunnerLogger } from '../errors/runner-logger.js';
import { isInstance, textOfThrown } from '../errors/thrown.js';
import { unavailable } from './fleet-refusals.js';
import type { RedisFleetNode } from './redis-fleet-node.js';
import { DirectoryUnavailableError } from './redis-link.js';

/** This process' node of the fleet, from joining to leaving, and what is said while Redis is away. */
export class JoinedNode {
  private readonly logger = new RunnerLogger('PipecatFleet');
  /** `undefined` before it has joined, and after it has left. */
  current: RedisFleetNode | undefined;
  private isDraining = false;

  /** @throws {DirectoryUnavailableError} unless it has joined */
  get(): RedisFleetNode {
    if (this.current) return this.current;
    throw new DirectoryUnavailableError('This process is no node of the fleet.');
  }

  /** The node while Redis answers; `undefined` otherwise. */
  get reachable(): RedisFleetNode | undefined {
    return this.current?.isDegraded ? undefined : this.current;
  }

  /** Learns the addresses of the other nodes, as far as Redis answers. Never rejects. */
  async learn(): Promise<void> {
    await this.current?.places.learn().catch(() => undefined);
  }

  /** Tells the others that it takes no more sessions. Each later heartbeat tells it again. */
  drain(): void {
    if (this.isDraining) return;
    this.isDraining = true;
    const log = (error: unknown): void =>
      this.logger.warn(`others do not know that it drains: ${textOfThrown(error).message}`);
    void this.current?.drain().catch(log);
  }

  /** @throws {RunnerError} `OVERLOADED` when Redis does not answer */
  async reached<T>(work: (node: RedisFleetNode) => Promise<T>): Promise<T> {
    const node = this.reachable;
    if (!node) throw unavailable();
    try {
      return await work(node);
    } catch (error) {
      throw errorOf(error);
    }
  }

  /** Returns what Redis tells of the sessions of all nodes; `undefined` when it does not answer. */
  async lookUp<T>(look: (node: RedisFleetNode) => Promise<T>): Promise<T | undefined> {
    try {
      return await look(this.get());
    } catch (error) {
      this.logger.warn(`only the sessions of this node are listed: ${textOfThrown(error).message}`);
      return undefined;
    }
  }
}

/** Returns the error for a client. */
export const errorOf = (error: unknown): unknown =>
  isInstance(error, DirectoryUnavailableError) ? unavailable() : error;
