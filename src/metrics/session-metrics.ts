import type * as promClient from 'prom-client';
import { refusalCodeOf } from '../errors/runner.error.js';
import type { Session } from '../sessions/session.js';
import type { SessionObserver } from '../sessions/session-observers.js';
import type { SessionRegistry } from '../sessions/session-registry.js';
import type { TransportRegistry } from '../transports/transport-registry.js';

/** From a bot that is there already to one that loads its models. */
const START_SECONDS = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
/** From a wrong number to an hour. */
const DURATION_SECONDS = [5, 15, 30, 60, 120, 300, 600, 1_200, 1_800, 3_600];

/** Counts sessions for Prometheus. What can be looked up when it is asked for is not counted along. */
export class SessionMetrics implements SessionObserver {
  private readonly startSeconds: promClient.Histogram<'transport'>;
  private readonly durationSeconds: promClient.Histogram<'transport'>;
  private readonly ends: promClient.Counter<'transport' | 'reason'>;
  private readonly refusals: promClient.Counter<'cause'>;
  private readonly audio: promClient.Counter<'transport' | 'direction'>;
  private readonly lost: promClient.Counter<'transport' | 'cause'>;

  constructor(
    { Counter, Gauge, Histogram }: typeof promClient,
    registry: promClient.Registry,
    sessions: SessionRegistry,
    transports: TransportRegistry,
  ) {
    const registers = [registry];
    new Gauge({
      name: 'pipecat_sessions',
      help: 'Sessions that have not ended',
      labelNames: ['transport', 'state'],
      registers,
      collect() {
        this.reset();
        for (const transport of transports.accepted) {
          for (const state of ['pending', 'launching', 'running'])
            this.set({ transport, state }, 0);
        }
        for (const { transport, state } of sessions.live) {
          this.inc({ transport, state: state.name });
        }
      },
    });
    this.startSeconds = new Histogram({
      name: 'pipecat_session_start_seconds',
      help: "From the caller's arrival, or the launch of the bot where there is none, until the bot was ready",
      labelNames: ['transport'],
      buckets: START_SECONDS,
      registers,
    });
    this.durationSeconds = new Histogram({
      name: 'pipecat_session_duration_seconds',
      help: 'From the same moment to the end',
      labelNames: ['transport'],
      buckets: DURATION_SECONDS,
      registers,
    });
    this.ends = new Counter({
      name: 'pipecat_session_ends_total',
      help: 'Sessions that ended, by the reason',
      labelNames: ['transport', 'reason'],
      registers,
    });
    this.refusals = new Counter({
      name: 'pipecat_starts_refused_total',
      help: 'Starts that came to nothing and callers that were not let in, by the code of the error',
      labelNames: ['cause'],
      registers,
    });
    this.audio = new Counter({
      name: 'pipecat_media_audio_total',
      help: 'Pieces of audio of sessions that ended, by the direction: in to the bot, or out',
      labelNames: ['transport', 'direction'],
      registers,
    });
    this.lost = new Counter({
      name: 'pipecat_media_lost_total',
      help: 'What was lost in sessions that ended: unread by the bot, overflowed on the way out, or malformed',
      labelNames: ['transport', 'cause'],
      registers,
    });
  }

  changed(session: Session): void {
    const { transport, state } = session;
    const { connectedAtMs } = state;
    if (connectedAtMs !== undefined && state.name === 'running') {
      this.startSeconds.observe({ transport }, (state.sinceMs - connectedAtMs) / 1_000);
    } else if (state.name === 'ended') {
      this.ends.inc({ transport, reason: state.reason.code });
      if (connectedAtMs !== undefined) {
        this.durationSeconds.observe({ transport }, (state.atMs - connectedAtMs) / 1_000);
      }
      this.countMedia(session);
    }
  }

  refused(error: unknown): void {
    this.refusals.inc({ cause: refusalCodeOf(error) });
  }

  private countMedia(session: Session): void {
    const { transport, context } = session;
    const stats = context.mediaStats;
    if (!stats) return;
    this.audio.inc({ transport, direction: 'in' }, stats.audioIn);
    this.audio.inc({ transport, direction: 'out' }, stats.audioOut);
    this.lost.inc({ transport, cause: 'unread' }, stats.unread);
    this.lost.inc({ transport, cause: 'overflowed' }, stats.overflowed);
    const malformed = Object.values(stats.malformed).reduce((sum, count) => sum + count, 0);
    this.lost.inc({ transport, cause: 'malformed' }, malformed);
  }
}
