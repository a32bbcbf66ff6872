import { Injectable } from '@nestjs/common';
import { RunnerTransport, type StartContext } from '../runner-transport.js';
import { TransportRegistry } from '../transport-registry.js';
import { LiveKitServer } from './livekit-server.js';
import { LiveKitSessions } from './livekit-sessions.js';

/** LiveKit rooms for `/start`. */
@Injectable()
export class LiveKitTransport extends RunnerTransport {
  readonly names = ['livekit'];

  constructor(
    private readonly server: LiveKitServer,
    private readonly sessions: LiveKitSessions,
    registry: TransportRegistry,
  ) {
    super();
    registry.register(this);
  }

  override get disabledReason(): string | undefined {
    return this.server.disabledReason;
  }

  start({ session }: StartContext): Promise<Record<string, unknown>> {
    return this.sessions.startForUser(session);
  }
}
