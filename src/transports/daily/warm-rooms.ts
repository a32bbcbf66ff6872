import { setTimeout as sleep } from 'node:timers/promises';
import {
  type BeforeApplicationShutdown,
  Inject,
  Injectable,
  type OnModuleInit,
} from '@nestjs/common';
import { RunnerLogger } from '../../errors/runner-logger.js';
import { textOfThrown } from '../../errors/thrown.js';
import { RunnerServing } from '../../http/runner-serving.js';
import { DAILY_OPTIONS, type ResolvedDailyOptions } from './daily.options.js';
import { type DailyMeeting, DailyRooms } from './daily-rooms.js';

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;
/** Timeout for deleting warm rooms at shutdown, in milliseconds. The rest expires at Daily. */
const SHUTDOWN_MS = 2_000;

/** Pool of phone rooms created ahead, so that a call does not wait for Daily. Used rooms are replaced at once. */
@Injectable()
export class WarmRooms implements OnModuleInit, BeforeApplicationShutdown {
  private readonly logger = new RunnerLogger('PipecatRunner');
  /** Ordered by age, oldest first. */
  private readonly rooms: { readonly meeting: DailyMeeting; readonly untilMs: number }[] = [];
  private readonly closing = new AbortController();
  private filling: Promise<void> | undefined;
  private expiry: NodeJS.Timeout | undefined;

  constructor(
    @Inject(DAILY_OPTIONS) private readonly options: ResolvedDailyOptions,
    private readonly dailyRooms: DailyRooms,
    private readonly serving: RunnerServing,
  ) {}

  /** Number of rooms that are ready. */
  get size(): number {
    return this.rooms.length;
  }

  onModuleInit(): void {
    if (this.options.apiKey === undefined) return;
    this.serving.onServing('warmRooms', () => this.replenish());
  }

  /** Takes a room out of the pool; `undefined` when it is empty. */
  take(): DailyMeeting | undefined {
    const room = this.rooms.shift();
    if (room) this.replenish();
    return room?.meeting;
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.closing.abort();
    clearTimeout(this.expiry);
    await Promise.race([this.discardAll(), sleep(SHUTDOWN_MS, undefined, { ref: false })]);
  }

  private async discardAll(): Promise<void> {
    await this.filling;
    await Promise.all(this.rooms.splice(0).map(({ meeting }) => this.discard(meeting)));
  }

  /** Creates rooms, one at a time, until the pool is full. */
  private replenish(): void {
    this.filling ??= this.fill().finally(() => (this.filling = undefined));
  }

  private async fill(): Promise<void> {
    const { signal } = this.closing;
    let pauseMs = FIRST_PAUSE_MS;
    while (this.rooms.length < this.options.warmRooms && !signal.aborted) {
      try {
        const meeting = await this.dailyRooms.meetPhone();
        this.rooms.push({ meeting, untilMs: performance.now() + this.options.warmRoomTtlMs });
        this.watchExpiry();
        pauseMs = FIRST_PAUSE_MS;
      } catch (thrown) {
        const { text } = textOfThrown(thrown);
        this.logger.warn(`no warm Daily room: ${text}; trying again in ${pauseMs / 1_000} s`);
        await sleep(pauseMs, undefined, { signal, ref: false }).catch(() => undefined);
        pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
      }
    }
  }

  private watchExpiry(): void {
    clearTimeout(this.expiry);
    const [oldest] = this.rooms;
    if (!oldest || this.closing.signal.aborted) return;
    this.expiry = setTimeout(() => {
      const now = performance.now();
      while (this.rooms[0] && this.rooms[0].untilMs <= now) {
        void this.discard(this.rooms.shift()!.meeting);
      }
      this.watchExpiry();
      this.replenish();
    }, oldest.untilMs - performance.now()).unref();
  }

  private async discard({ roomName }: DailyMeeting): Promise<void> {
    try {
      await this.dailyRooms.remove(roomName);
    } catch (thrown) {
      const { text } = textOfThrown(thrown);
      this.logger.warn(`Daily room ${roomName} is left until it expires: ${text}`);
    }
  }
}
