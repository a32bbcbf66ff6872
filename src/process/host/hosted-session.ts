import { SessionEnd } from '../../bot/session-end.js';
import { Session } from '../../sessions/session.js';
import { BOT_ENDS, MAX_REASON, type StartMessage } from '../bot-messages.js';
import type { Channel } from './channel.js';

/** A session in the process of its bot. The runner has the one that counts, and is told of what happens to this. */
export class HostedSession extends Session {
  constructor(
    { id, transport, bot, claims }: StartMessage['session'],
    body: unknown,
    private readonly channel: Channel,
  ) {
    super(id, transport, body, { claims });
    this.bot = bot;
    this.launchedAtMs = Date.now();
    this.state = { name: 'launching', sinceMs: this.launchedAtMs };
    this.whenReady(() => void channel.send({ type: 'ready' }));
    this.onStop = (end) => this.endFromWithin(end);
  }

  override onRequest(): void {
    this.logger.warn(
      'session.onRequest() does nothing in a process of its own: requests to the session are answered 409',
    );
  }

  private endFromWithin(end: SessionEnd): void {
    const { code, message } = this.trueEnd(end);
    void this.channel.send({
      type: 'stop',
      // Nothing else ends a conversation from within.
      code: BOT_ENDS.find((one) => one === code) ?? 'completed',
      message: message.slice(0, MAX_REASON),
    });
    this.requestEnd(new SessionEnd(code, message, { cause: end.cause }));
  }
}
