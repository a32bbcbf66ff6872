import { SessionEnd } from '../bot/session-end.js';
import type { RoomTransports } from './fleet.js';
import type { OwnedSessions } from './owned-sessions.js';
import type { RedisFleetNode } from './redis-fleet-node.js';
import type { ResolvedFleetSettings } from './redis-fleet.options.js';

/** Interval in which bots are looked for while the lease is over, in milliseconds. */
const OVER_MS = 250;

/**
 * Stops bots of rooms in time before other nodes may launch them again, unless their provider removes the older one of two. It goes by the node's own lease, since
 * a node that Redis does not answer cannot know whether it answers the others.
 */
export class LeaseWatch {
  private timer: NodeJS.Timeout | undefined;
  private readonly marginMs: number;

  /** @param stopGraceMs time that bots have to leave, which ends with the lease where that is long enough, in milliseconds */
  constructor(
    private readonly node: Pick<RedisFleetNode, 'leaseLeftMs' | 'leaseBeganAtMs'>,
    private readonly owned: Pick<OwnedSessions, 'restartable'>,
    private readonly rooms: Pick<RoomTransports, 'evictsOlderBot'>,
    { heartbeatMs, leaseMs }: Pick<ResolvedFleetSettings, 'heartbeatMs' | 'leaseMs'>,
    stopGraceMs: number,
  ) {
    // Not for a single heartbeat without an answer.
    this.marginMs = Math.min(stopGraceMs, leaseMs - 2 * heartbeatMs);
    this.look();
  }

  stop(): void {
    clearTimeout(this.timer);
  }

  private look(): void {
    const leftMs = this.node.leaseLeftMs - this.marginMs;
    if (leftMs <= 0) this.stopBots();
    this.timer = setTimeout(() => this.look(), Math.max(leftMs, OVER_MS)).unref();
  }

  private stopBots(): void {
    for (const session of this.owned.restartable(this.node.leaseBeganAtMs)) {
      if (session.ending || this.rooms.evictsOlderBot(session.transport)) continue;
      session.logger.warn(
        'Redis does not answer; the bot is stopped before another node starts it',
      );
      void session.end(new SessionEnd('lost', 'Its node is out of touch with the fleet.'));
    }
  }
}
