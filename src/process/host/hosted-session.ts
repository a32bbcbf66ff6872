import type { SessionEnd } from '../../bot/session-end.js';
import { Session } from '../../sessions/session.js';
import { BOT_ENDS, MAX_REASON, type StartMessage } from '../bot-messages.js';
import type { Channel } from './channel.js';

/** Session in a bot process. The runner has the authoritative one, and is notified of changes. */
export class HostedSession extends Session {
  private isKnown = false;

  constructor(
    { id, transport, bot, claims }: StartMessage['session'],
    body: unknown,
    private readonly channel: Channel,
  ) {
    super(id, { transport, body, bot, principal: { claims } }, ({ state }) => {
      if (state.name === 'running') void channel.send({ type: 'ready' });
    });
  }

  /** Ends the session in this process only, without notifying the runner. */
  endHere(reason: SessionEnd): void {
    this.isKnown = true;
    void this.end(reason);
  }

  override onRequest(): void {
    this.logger.warn(
      'session.onRequest() does nothing in a process of its own: requests to the session are answered 409',
    );
  }

  protected override stopping({ code, message }: SessionEnd): void {
    if (this.isKnown) return;
    void this.channel.send({
      type: 'stop',
      // A conversation has no other end from within.
      code: BOT_ENDS.find((one) => one === code) ?? 'completed',
      message: message.slice(0, MAX_REASON),
    });
  }
}
