import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { RunnerLogger } from '../errors/runner-logger.js';
import { RunnerError } from '../errors/runner.error.js';
import { textOfThrown } from '../errors/thrown.js';
import type { FleetSecrets } from './fleet-secrets.js';
import type { RedisLink, Reply } from './redis-link.js';
import { ONCE } from './scripts/once.script.js';

/** Longest time in which a node answers, in milliseconds. It ends earlier with the node's lease. */
const ANSWERING_MS = 60_000;
/** Retention of an answer, in milliseconds: longer than a webhook's signature is valid. */
const REMEMBER_MS = 600_000;
/** Longest wait for another node's answer, and between two looks at it, in milliseconds. */
const WAIT_MS = 8_000;
const LOOK_MS = 100;
const FIELD = 'answer';

/** Answers that all nodes share, such as to a webhook that is delivered twice. */
export class SharedAnswers {
  private readonly logger = new RunnerLogger('PipecatFleet');

  constructor(
    private readonly link: RedisLink,
    private readonly secrets: FleetSecrets,
    private readonly node: string,
  ) {}

  /**
   * Returns the first answer for a key. A failed answer is forgotten, so that it can be tried again.
   * @throws {DirectoryUnavailableError} before `answer` is called
   * @throws {RunnerError} `OVERLOADED` when another node does not answer in time
   */
  async once(key: string, answer: () => Promise<unknown>): Promise<unknown> {
    const names = this.secrets.namesOf(key);
    const nonce = randomUUID();
    const untilMs = performance.now() + WAIT_MS;
    let taken = await this.run('take', names, nonce, ANSWERING_MS);
    while (taken.text(0) === 'wait') {
      if (performance.now() > untilMs) {
        throw new RunnerError('OVERLOADED', 'Another node has not answered yet; try again later.');
      }
      await sleep(LOOK_MS * (1 + Math.random()));
      taken = await this.run('take', names, nonce, ANSWERING_MS);
    }
    if (taken.text(0) === 'answer') return this.read(taken.text(2), taken.text(1));
    try {
      const given = await answer();
      const sealed = this.secrets.seal(
        this.secrets.nameOf(key),
        FIELD,
        JSON.stringify(given) ?? '',
      );
      await this.tell('keep', names, nonce, sealed);
      return given;
    } catch (error) {
      await this.tell('free', names, nonce);
      throw error;
    }
  }

  /** Takes something that one node has at a time, until the node is gone. @returns false while another has it @throws {DirectoryUnavailableError} */
  async hold(key: string, forMs: number): Promise<boolean> {
    const taken = await this.run('take', this.secrets.namesOf(key), 'held', forMs);
    return taken.text(0) === 'mine';
  }

  private read(name: string, sealed: string): unknown {
    const text = this.secrets.unseal(name, FIELD, sealed);
    if (text === undefined) {
      throw new RunnerError('OVERLOADED', 'The first answer cannot be read; try again later.');
    }
    return text === '' ? undefined : (JSON.parse(text) as unknown);
  }

  /** Tells the others, who wait in vain when it fails. */
  private async tell(
    verb: 'keep' | 'free',
    names: readonly string[],
    nonce: string,
    sealed = '',
  ): Promise<void> {
    try {
      await this.run(verb, names, nonce, REMEMBER_MS, sealed);
    } catch (error) {
      this.logger.warn(`other nodes do not know of an answer: ${textOfThrown(error).message}`);
    }
  }

  private run(
    verb: string,
    names: readonly string[],
    nonce: string,
    forMs: number,
    sealed = '',
  ): Promise<Reply> {
    return this.link.run(ONCE, verb, names.join(' '), this.node, nonce, forMs, sealed);
  }
}
