import type { SessionEndCode } from '../../bot/session-end.js';
import { ApiField } from '../../validation/api-field.decorator.js';
import type { EndedSession } from '../session-history.js';
import type { Session } from '../session.js';
import type { SessionState } from '../session-state.js';

/** Pipecat Cloud's `completionStatus` of each end. Documented are the first three, "among others"; elsewhere our own code is used, in capitals. */
const COMPLETION_STATUS: Record<SessionEndCode, string> = {
  completed: 'HTTP_COMPLETED',
  peer_left: 'WS_CONNECTION_CLOSED',
  failed: 'HTTP_ERROR',
  start_failed: 'HTTP_ERROR',
  not_ready: 'HTTP_ERROR',
  peer_error: 'HTTP_ERROR',
  stopped: 'STOPPED',
  expired: 'EXPIRED',
  too_long: 'TOO_LONG',
  draining: 'DRAINING',
};

/** Session in `GET /sessions`: available fields of Pipecat Cloud's REST API, and three of our own. */
export class SessionInfo {
  @ApiField({ description: 'The session id from `POST /start`.' })
  sessionId!: string;

  @ApiField({ description: 'The wire name of the transport.', example: 'websocket' })
  transport!: string;

  @ApiField({
    description: 'The state: `pending` waits for its client, `launching` for its bot.',
    type: String,
    enum: ['pending', 'launching', 'running', 'ended'],
  })
  state!: SessionState['name'];

  @ApiField({ description: 'The time of its opening.', format: 'date-time' })
  createdAt!: string;

  @ApiField({ description: 'The time of the last state change.', format: 'date-time' })
  updatedAt!: string;

  @ApiField({
    description: 'The time of its end.',
    type: String,
    format: 'date-time',
    nullable: true,
  })
  endedAt!: string | null;

  @ApiField({
    description: 'The end, as a completion status of Pipecat Cloud.',
    type: String,
    nullable: true,
    example: 'HTTP_COMPLETED',
  })
  completionStatus!: string | null;

  @ApiField({
    description: 'The code of its end: `signal.reason.code`.',
    type: String,
    nullable: true,
    enum: Object.keys(COMPLETION_STATUS),
  })
  endReason!: SessionEndCode | null;

  @ApiField({
    description: 'Whole seconds from the launch of the bot until it was ready.',
    type: Number,
    nullable: true,
  })
  botStartSeconds!: number | null;

  static of(session: Session | EndedSession): SessionInfo {
    const { id, transport, createdAtMs, botStartMs, state } = session;
    const ended = state.name === 'ended';
    const updatedAtMs = ended ? state.atMs : state.name === 'pending' ? createdAtMs : state.sinceMs;
    const endReason = ended ? state.reason.code : null;
    return Object.assign(new SessionInfo(), {
      sessionId: id,
      transport,
      state: state.name,
      createdAt: isoTime(createdAtMs),
      updatedAt: isoTime(updatedAtMs),
      endedAt: ended ? isoTime(state.atMs) : null,
      completionStatus: endReason && COMPLETION_STATUS[endReason],
      endReason,
      botStartSeconds: botStartMs === undefined ? null : Math.round(botStartMs / 1_000),
    });
  }
}

const isoTime = (ms: number): string => new Date(ms).toISOString();
