import { Injectable } from '@nestjs/common';
import { Fleet, type RoomTransports, type SessionRoom } from '../fleet/fleet.js';
import { SessionRegistry } from '../sessions/session-registry.js';
import type { Session } from '../sessions/session.js';
import { TransportRegistry } from './transport-registry.js';

/** Transports of rooms for the fleet, which runs bots of rooms that other nodes have set up. */
@Injectable()
export class FleetRooms implements RoomTransports {
  constructor(
    fleet: Fleet,
    private readonly transports: TransportRegistry,
    private readonly sessions: SessionRegistry,
  ) {
    fleet.rooms = this;
  }

  get names(): string[] {
    return this.transports.accepted.filter((name) => this.transports.require(name).kind === 'room');
  }

  evictsOlderBot(name: string): boolean {
    return this.transports.require(name).evictsOlderBot;
  }

  launch(session: Session, { args, user }: SessionRoom): void {
    const transport = this.transports.require(session.transport);
    this.sessions.launch(session, args, { ...transport.takeOver(session, args, user), user });
  }

  bind(session: Session, { args, user }: SessionRoom): void {
    this.transports.require(session.transport).takeOver(session, args, user);
  }
}
