import { randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { CallData } from '../../bot/call-data.js';
import { SessionEnd } from '../../bot/session-end.js';
import type { AcceptedCall } from '../../calls/call-router.js';
import { CallRouting, sessionOfCall } from '../../calls/call-routing.js';
import { textOfThrown } from '../../errors/thrown.js';
import { type ResolvedRunnerOptions, RUNNER_OPTIONS } from '../../runner.options.js';
import type { HangUpOutcome } from '../../media/media-connection.js';
import { removeRoomOnEnd } from '../../sessions/remove-room-on-end.js';
import { SessionRegistry } from '../../sessions/session-registry.js';
import type { Session } from '../../sessions/session.js';
import { LiveKitRunnerArguments } from './dto/livekit-runner-arguments.dto.js';
import { LIVEKIT_OPTIONS, type ResolvedLiveKitOptions } from './livekit.options.js';
import { LiveKitServer } from './livekit-server.js';

/** A session, and the participant it is for. */
interface Seat {
  readonly session: Session;
  readonly userIdentity: string;
  /** Ends the session unless the participant joins. */
  waiting?: NodeJS.Timeout;
}

/** Which sessions are in which room, for the webhooks know only rooms and participants. */
@Injectable()
export class LiveKitSessions {
  private readonly byRoom = new Map<string, Set<Seat>>();
  /** Phone calls about which the host has not decided yet. */
  private readonly deciding = new Set<string>();

  constructor(
    @Inject(LIVEKIT_OPTIONS) private readonly options: ResolvedLiveKitOptions,
    @Inject(RUNNER_OPTIONS) private readonly runnerOptions: ResolvedRunnerOptions,
    private readonly server: LiveKitServer,
    private readonly sessions: SessionRegistry,
    private readonly routing: CallRouting,
  ) {}

  /** Sends the bot to a room of the session's own, or to the one that all share, and lets a user in too. */
  async startForUser(session: Session): Promise<{ url: string; token: string }> {
    const roomName = this.options.roomName ?? `pipecat-${randomBytes(4).toString('hex')}`;
    const userIdentity = `User-${session.id.slice(0, 8)}`;
    const seat = this.seat(roomName, session, userIdentity);
    if (this.options.room) await this.server.createRoom(roomName);
    const [token, agentToken] = await Promise.all([
      this.server.userToken(roomName, userIdentity),
      this.agentToken(session, roomName),
    ]);
    this.launch(seat, roomName, agentToken);
    return { url: this.server.url, token };
  }

  /** Sends a bot to the room that a phone call was put into, unless the call has one already. */
  async startForCall(roomName: string, userIdentity: string, call_data: CallData): Promise<void> {
    const key = callKey(roomName, userIdentity);
    if (this.deciding.has(key)) return;
    if (this.seatsOf(roomName).some((seat) => seat.userIdentity === userIdentity)) return;
    this.deciding.add(key);
    const accepted = await this.decide(roomName, userIdentity, call_data);
    // Otherwise the caller has left meanwhile.
    const isThere = this.deciding.delete(key);
    if (!accepted || !isThere) return;
    const open = { ...sessionOfCall(accepted), transport: 'livekit' };
    await this.sessions.start(open, async (session) => {
      const seat = this.seat(roomName, session, userIdentity);
      this.launch(seat, roomName, await this.agentToken(session, roomName), call_data);
    });
  }

  /**
   * A room is there, and nobody in it yet: its users have `pendingTtlMs` to join. A second time it is the room of a server that crashed and
   * came back, where bots rejoin by themselves and would wait for ever for a user who does not.
   */
  roomStarted(roomName: string): void {
    const { pendingTtlMs } = this.runnerOptions;
    for (const seat of this.seatsOf(roomName)) {
      clearTimeout(seat.waiting);
      seat.waiting = setTimeout(() => {
        const reason = new SessionEnd('expired', 'The user did not join the LiveKit room.');
        void seat.session.end(reason);
      }, pendingTtlMs).unref();
    }
  }

  /** A participant is there. */
  joined(roomName: string, identity: string): void {
    for (const seat of this.seatsOf(roomName)) {
      if (seat.userIdentity === identity) clearTimeout(seat.waiting);
    }
  }

  /** A call that the host refuses is put out of the room. */
  private async decide(
    roomName: string,
    userIdentity: string,
    call_data: CallData,
  ): Promise<AcceptedCall | undefined> {
    const { from, to, call_id: callId } = call_data;
    const fields = { ...call_data };
    const call = { transport: 'livekit', from, to, callId, fields, query: {} };
    try {
      // Not `connection`, for there is no session yet.
      return await this.routing.route({ ...call, stage: 'webhook' });
    } catch {
      await this.hangUp(roomName, userIdentity);
      return undefined;
    }
  }

  /** Ends the sessions of a room, or only that of one participant. */
  end(roomName: string, message: string, userIdentity?: string): void {
    if (userIdentity !== undefined) this.deciding.delete(callKey(roomName, userIdentity));
    for (const seat of this.seatsOf(roomName)) {
      if (userIdentity === undefined || seat.userIdentity === userIdentity) {
        void seat.session.end(new SessionEnd('peer_left', message));
      }
    }
  }

  private seat(roomName: string, session: Session, userIdentity: string): Seat {
    const seat: Seat = { session, userIdentity };
    const seats = this.byRoom.get(roomName) ?? new Set();
    this.byRoom.set(roomName, seats.add(seat));
    seat.session.onEnd(() => {
      clearTimeout(seat.waiting);
      seats.delete(seat);
      if (seats.size === 0) this.byRoom.delete(roomName);
    });
    const { deleteRoomOnEnd, room } = this.options;
    // What LiveKit made by itself also closes by itself, and a shared room is not ours to close.
    if (roomName !== this.options.roomName && (deleteRoomOnEnd || room)) {
      removeRoomOnEnd(seat.session, deleteRoomOnEnd, () => this.server.deleteRoom(roomName));
    }
    return seat;
  }

  private seatsOf(roomName: string): Seat[] {
    return [...(this.byRoom.get(roomName) ?? [])];
  }

  private agentToken({ id }: Session, roomName: string): Promise<string> {
    return this.server.agentToken(roomName, `Pipecat Agent-${id.slice(0, 8)}`);
  }

  private launch(
    { session, userIdentity }: Seat,
    room_name: string,
    token: string,
    call_data?: CallData,
  ): void {
    const { url } = this.server;
    const args = new LiveKitRunnerArguments({ room_name, url, token, call_data });
    this.sessions.launch(session, args, {
      hangUp: () => this.hangUp(room_name, userIdentity),
    });
  }

  /** Puts the user out of the room, which ends a phone call. */
  private async hangUp(roomName: string, userIdentity: string): Promise<HangUpOutcome> {
    try {
      await this.server.removeParticipant(roomName, userIdentity);
      return { ok: true, via: 'api' };
    } catch (thrown) {
      return { ok: false, via: 'api', error: textOfThrown(thrown).message };
    }
  }
}

const callKey = (roomName: string, userIdentity: string): string =>
  JSON.stringify([roomName, userIdentity]);
