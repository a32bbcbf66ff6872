import { Injectable } from '@nestjs/common';
import { type BrowserSources, RunnerTransport, type StartContext } from '../runner-transport.js';
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

  override get browserSources(): BrowserSources {
    const { host, protocol } = new URL(this.server.url);
    const tls = /^(wss|https):$/.test(protocol) ? 's' : '';
    // LiveKit Cloud sends clients to the server of their region.
    const hosts = host.endsWith('.livekit.cloud') ? [host, '*.livekit.cloud'] : [host];
    return { 'connect-src': hosts.flatMap((one) => [`ws${tls}://${one}`, `http${tls}://${one}`]) };
  }

  start({ session }: StartContext): Promise<Record<string, unknown>> {
    return this.sessions.startForUser(session);
  }
}
