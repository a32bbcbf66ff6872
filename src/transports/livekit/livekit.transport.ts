import { randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { CallData } from '../../bot/call-data.js';
import type { RunnerArguments } from '../../bot/runner-arguments.js';
import { SessionEnd } from '../../bot/session-end.js';
import type { AcceptedCall } from '../../calls/call-router.js';
import { CallRouting, sessionOfCall } from '../../calls/call-routing.js';
import { textOfThrown } from '../../errors/thrown.js';
import { type ResolvedRunnerOptions, RUNNER_OPTIONS } from '../../runner.options.js';
import type { HangUpOutcome } from '../../media/media-connection.js';
import { Fleet } from '../../fleet/fleet.js';
import { removeRoomOnEnd } from '../../sessions/remove-room-on-end.js';
import { SessionRegistry } from '../../sessions/session-registry.js';
import type { Session } from '../../sessions/session.js';
import { LiveKitRunnerArguments } from './dto/livekit-runner-arguments.dto.js';
import { type BrowserSources, RunnerTransport, type StartContext } from '../runner-transport.js';
import { TransportRegistry } from '../transport-registry.js';
import { LIVEKIT_OPTIONS, type ResolvedLiveKitOptions } from './livekit.options.js';
import { LiveKitServer } from './livekit-server.js';

/** A participant's slot in a room: the session and the user it is for. */
interface Slot {
  readonly session: Session;
  readonly userIdentity: string;
  /** Ends the session unless the user joins in time. */
  waiting?: NodeJS.Timeout;
  /** True while its user is gone, and others remain. */
  hasLeft?: boolean;
  /** Gives it up. */
  readonly leave: () => void;
}

/** The most participants of a room that are remembered. */
const MAX_GUESTS = 1_000;

/** LiveKit rooms for `/start` and SIP calls. Keeps the sessions by room, since LiveKit's webhooks name only rooms and participants. */
@Injectable()
export class LiveKitTransport extends RunnerTransport {
  readonly names = ['livekit'];
  private readonly byRoom = new Map<string, Set<Slot>>();
  /** People in the rooms with sessions who are no session's user, by identity. */
  private readonly guests = new Map<string, Set<string>>();
  /** Phone calls whose routing decision is pending. */
  private readonly deciding = new Set<string>();

  constructor(
    @Inject(LIVEKIT_OPTIONS) private readonly options: ResolvedLiveKitOptions,
    @Inject(RUNNER_OPTIONS) private readonly runnerOptions: ResolvedRunnerOptions,
    private readonly server: LiveKitServer,
    private readonly sessions: SessionRegistry,
    private readonly routing: CallRouting,
    private readonly fleet: Fleet,
    registry: TransportRegistry,
  ) {
    super();
    registry.register(this);
  }

  override get kind() {
    return 'room' as const;
  }

  /** By the bot's identity, which is that of its session. */
  override get evictsOlderBot(): boolean {
    return true;
  }

  override get disabledReason(): string | undefined {
    return this.server.disabledReason;
  }

  override get browserSources(): BrowserSources {
    const { host, protocol } = new URL(this.server.url);
    const tls = /^(wss|https):$/.test(protocol) ? 's' : '';
    // LiveKit Cloud sends clients to the server of their region.
    const hosts = host.endsWith('.livekit.cloud') ? [host, '*.livekit.cloud'] : [host];
    return { 'connect-src': hosts.flatMap((one) => [`ws${tls}://${one}`, `http${tls}://${one}`]) };
  }

  /** Sends the bot to the session's room, or the shared one, and issues a token for the user. */
  async start({ session }: StartContext): Promise<Record<string, unknown>> {
    const roomName = this.options.roomName ?? `pipecat-${randomBytes(4).toString('hex')}`;
    const userIdentity = `User-${session.id.slice(0, 8)}`;
    const slot = this.slot(roomName, session, userIdentity);
    await this.fleet.alias(session, roomAlias(roomName));
    if (this.options.room) await this.server.createRoom(roomName);
    const [token, agentToken] = await Promise.all([
      this.server.userToken(roomName, userIdentity),
      this.agentToken(session, roomName),
    ]);
    this.launch(slot, roomName, agentToken);
    return { url: this.server.url, token };
  }

  override takeOver(session: Session, args: RunnerArguments, user = '') {
    if (!(args instanceof LiveKitRunnerArguments)) return {};
    this.slot(args.room_name, session, user);
    return { hangUp: () => this.hangUp(args.room_name, user) };
  }

  /** Sends a bot to the room of an incoming SIP call. Idempotent. */
  async startForCall(roomName: string, userIdentity: string, call_data: CallData): Promise<void> {
    const key = callKey(roomName, userIdentity);
    if (this.deciding.has(key)) return;
    if (this.slotsOf(roomName).some((slot) => slot.userIdentity === userIdentity)) return;
    this.deciding.add(key);
    const call = `livekit call ${key}`;
    let accepted: AcceptedCall | undefined;
    let isThere: boolean;
    try {
      const elsewhere = this.fleet.hasElsewhere(call);
      if (elsewhere instanceof Promise ? await elsewhere : elsewhere) return;
      accepted = await this.decide(roomName, userIdentity, call_data);
    } finally {
      // Not any more if the caller hung up in the meantime.
      isThere = this.deciding.delete(key);
    }
    if (!accepted || !isThere) return;
    const open = { ...sessionOfCall(accepted), transport: 'livekit', kind: this.kind };
    await this.sessions.start(open, async (session) => {
      const slot = this.slot(roomName, session, userIdentity);
      await this.fleet.alias(session, roomAlias(roomName));
      await this.fleet.alias(session, call);
      this.launch(slot, roomName, await this.agentToken(session, roomName), call_data);
    });
  }

  /**
   * Starts the wait for the users of a new, empty room: `pendingTtlMs`. A second `room_started` means that the server restarted: bots rejoin by
   * themselves, and would otherwise wait forever for users who do not.
   */
  roomStarted(roomName: string): void {
    const { pendingTtlMs } = this.runnerOptions;
    for (const slot of this.slotsOf(roomName)) {
      clearTimeout(slot.waiting);
      slot.waiting = setTimeout(() => {
        const reason = new SessionEnd('expired', 'The user did not join the LiveKit room.');
        void slot.session.end(reason);
      }, pendingTtlMs).unref();
    }
  }

  /** Stops the wait for a participant that joined. @param isPerson false for agents, recordings and the like */
  joined(roomName: string, identity: string, isPerson: boolean): void {
    const slots = this.slotsOf(roomName);
    const own = slots.filter(({ userIdentity }) => userIdentity === identity);
    for (const slot of own) {
      clearTimeout(slot.waiting);
      slot.hasLeft = false;
    }
    if (!isPerson || slots.length === 0 || own.length > 0) return;
    const guests = this.guests.get(roomName) ?? new Set();
    if (guests.size < MAX_GUESTS) this.guests.set(roomName, guests.add(identity));
  }

  /** Ends the session of a participant that left; while other people remain, only when the last of them leaves. */
  left(roomName: string, identity: string): void {
    this.deciding.delete(callKey(roomName, identity));
    const guests = this.guests.get(roomName);
    guests?.delete(identity);
    for (const slot of this.slotsOf(roomName)) {
      if (slot.userIdentity === identity) slot.hasLeft = true;
      if (!slot.hasLeft || guests?.size) continue;
      void slot.session.end(new SessionEnd('peer_left', 'The user left the LiveKit room.'));
    }
  }

  /** Asks the host's routing. A refused caller is removed from the room. */
  private async decide(
    roomName: string,
    userIdentity: string,
    call_data: CallData,
  ): Promise<AcceptedCall | undefined> {
    const { from, to, call_id: callId } = call_data;
    const fields = { ...call_data };
    const call = { transport: 'livekit', from, to, callId, fields, query: {} };
    try {
      // Not `connection`: there is no session yet.
      return await this.routing.route({ ...call, stage: 'webhook' });
    } catch {
      await this.hangUp(roomName, userIdentity);
      return undefined;
    }
  }

  /** Ends the sessions of a room. */
  end(roomName: string, message: string): void {
    for (const { session } of this.slotsOf(roomName)) {
      void session.end(new SessionEnd('peer_left', message));
    }
  }

  private slot(roomName: string, session: Session, userIdentity: string): Slot {
    const slots = this.byRoom.get(roomName) ?? new Set();
    const leave = (): void => {
      clearTimeout(slot.waiting);
      slots.delete(slot);
      if (slots.size > 0 || this.byRoom.get(roomName) !== slots) return;
      this.byRoom.delete(roomName);
      this.guests.delete(roomName);
    };
    const slot: Slot = { session, userIdentity, leave };
    this.byRoom.set(roomName, slots.add(slot));
    session.onEnd(leave);
    const { deleteRoomOnEnd, room } = this.options;
    // LiveKit itself closes rooms that it created, and the shared room stays open.
    if (roomName !== this.options.roomName && (deleteRoomOnEnd || room)) {
      removeRoomOnEnd(slot.session, deleteRoomOnEnd, () => this.server.deleteRoom(roomName));
    }
    return slot;
  }

  private slotsOf(roomName: string): Slot[] {
    return [...(this.byRoom.get(roomName) ?? [])];
  }

  private agentToken({ id }: Session, roomName: string): Promise<string> {
    return this.server.agentToken(roomName, `Pipecat Agent-${id.slice(0, 8)}`);
  }

  private launch(
    { session, userIdentity, leave }: Slot,
    room_name: string,
    token: string,
    call_data?: CallData,
  ): void {
    const { url } = this.server;
    const args = new LiveKitRunnerArguments({ room_name, url, token, call_data });
    const hangUp = (): Promise<HangUpOutcome> => this.hangUp(room_name, userIdentity);
    // The webhooks of a session that runs elsewhere are not this node's.
    if (!this.sessions.launch(session, args, { hangUp, user: userIdentity })) leave();
  }

  /** Removes the user from the room, which hangs up a phone call. */
  private async hangUp(roomName: string, userIdentity: string): Promise<HangUpOutcome> {
    try {
      await this.server.removeParticipant(roomName, userIdentity);
      return { ok: true, via: 'api' };
    } catch (thrown) {
      return { ok: false, via: 'api', error: textOfThrown(thrown).message };
    }
  }
}

/** Returns the name of a room's sessions in the fleet. */
export const roomAlias = (roomName: string): string => `livekit room ${roomName}`;

const callKey = (roomName: string, userIdentity: string): string =>
  JSON.stringify([roomName, userIdentity]);
