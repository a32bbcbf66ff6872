import type * as bullmq from 'bullmq';
import type { RedisOptions } from 'ioredis';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { within } from '../errors/attempt.js';
import { neededPackage } from '../packages.js';
import type { RedisClient, ResolvedFleetSettings } from './redis-fleet.options.js';
import { clientOf, prefixOf, retryStrategy } from './redis-link.js';

/** Name of the queue, and of its jobs. */
const ROOMS = 'rooms';
/** Before the session's id in that of its job, since BullMQ takes no numbers. */
const JOB_PREFIX = 'session-';
/** Time after which the job of a node that died with it in hand is another's, in milliseconds: within this and one more check. */
const LOCK_MS = 3_000;
const STALLED_CHECK_MS = 2_000;
/** Nodes that may die with the same job in hand. */
const MAX_STALLED = 5;
/** The most events of the queue that are kept; nobody reads them. */
const MAX_EVENTS = 100;
/** Pause before a job that was given back is handed out again, in milliseconds. */
const GIVEN_BACK_MS = 50;
/** Longest wait for an addition, in milliseconds: BullMQ's client waits for a server that is away. */
const ADD_MS = 1_000;

/** Its blocking connection, a duplicate, must not give up a command, and does not come back where it connects late. Its options win over the application's. */
const CLIENT_OPTIONS = {
  maxRetriesPerRequest: null,
  lazyConnect: false,
  enableOfflineQueue: true,
  commandTimeout: undefined,
  retryStrategy,
} satisfies RedisOptions;

/** A session whose bot this node may run, if it can claim it. */
export interface RoomJob {
  readonly id: string;
  /** Tells the queue that it is settled. */
  done(): Promise<void>;
  /** Leaves it to other nodes, or to this one later. */
  giveBack(): Promise<void>;
}

/** Jobs of rooms whose bots have to be launched, over BullMQ. A job names its session only, and is a hand-over of moments. */
export class RoomQueue {
  private readonly token = randomUUID();
  private worker: bullmq.Worker<unknown> | undefined;
  /** Error of the wait for a job, which BullMQ emits, and takes for a wait without one. */
  private waitError: Error | undefined;

  private constructor(
    private readonly sdk: typeof bullmq,
    private readonly client: RedisClient,
    private readonly queue: bullmq.Queue<unknown>,
    private readonly prefix: string,
  ) {}

  /**
   * @param load imports BullMQ
   * @throws {Error} when BullMQ is not installed, with the line that installs it
   */
  static async create(
    settings: Pick<ResolvedFleetSettings, 'redis' | 'namespace'>,
    load: () => Promise<typeof bullmq> = () => import('bullmq'),
  ): Promise<RoomQueue> {
    const sdk = await neededPackage('bullmq', 'a fleet that hands rooms to its nodes', load);
    const client = await clientOf(settings, CLIENT_OPTIONS);
    const prefix = `${prefixOf(settings.namespace)}bull`;
    const queue = new sdk.Queue<unknown>(ROOMS, {
      ...{ connection: client, prefix },
      defaultJobOptions: { removeOnComplete: true, removeOnFail: true },
      streams: { events: { maxLen: MAX_EVENTS } },
    });
    ignoreErrors(client, queue);
    return new RoomQueue(sdk, client, queue, prefix);
  }

  /** Adds the job of a session, unless there is one. Rejects when Redis does not answer: it may be added nevertheless. */
  async add(id: string): Promise<void> {
    const added = this.queue.add(ROOMS, {}, { jobId: `${JOB_PREFIX}${id}` });
    await within(ADD_MS, added, () => new Error(`the job was not added within ${ADD_MS} ms`));
  }

  /** Returns the next job; `undefined` when none came for some seconds, or it is closed. Rejects when Redis does not answer, or refuses. */
  async next(): Promise<RoomJob | undefined> {
    this.worker ??= await this.start();
    this.takeWaitError();
    const job = await this.worker.getNextJob(this.token);
    const error = this.takeWaitError();
    if (!job && error) throw error;
    return job && this.jobOf(job);
  }

  private takeWaitError(): Error | undefined {
    const error = this.waitError;
    this.waitError = undefined;
    return error;
  }

  /** Asks for no more jobs, so that none is given to a node that is about to leave. Never rejects. */
  async rest(): Promise<void> {
    await this.worker?.close(true).catch(() => undefined);
  }

  /** Closes its connections. Never rejects. */
  async close(): Promise<void> {
    await Promise.all([this.rest(), this.queue.close()]).catch(() => undefined);
    this.client.disconnect();
  }

  private async start(): Promise<bullmq.Worker<unknown>> {
    const worker = new this.sdk.Worker<unknown>(ROOMS, null, {
      ...{ connection: this.client, prefix: this.prefix, autorun: false },
      ...{ lockDuration: LOCK_MS, stalledInterval: STALLED_CHECK_MS, maxStalledCount: MAX_STALLED },
    });
    worker.on('error', (error) => (this.waitError = error));
    // Only for workers that run by themselves it is started.
    await worker.startStalledCheckTimer();
    return worker;
  }

  private jobOf(job: bullmq.Job<unknown>): RoomJob {
    const id = String(job.id).slice(JOB_PREFIX.length);
    const done = async (): Promise<void> => {
      await job.moveToCompleted('', this.token, false);
    };
    return {
      id,
      done,
      giveBack: async () => {
        // Its id is free only then.
        await done();
        // A delay of BullMQ goes by the clocks of the nodes.
        await sleep(GIVEN_BACK_MS);
        await this.add(id);
      },
    };
  }
}

/** Ignores errors, which the operation that needs the connection tells. */
function ignoreErrors(
  ...emitters: readonly { on(event: 'error', listener: () => void): unknown }[]
): void {
  for (const emitter of emitters) emitter.on('error', () => undefined);
}
