import type { SessionRequestHandler } from '../../bot/bot-launcher.js';
import type { SessionEnd } from '../../bot/session-end.js';
import { attempt } from '../../errors/attempt.js';
import { textOfThrown } from '../../errors/thrown.js';
import { Session } from '../../sessions/session.js';
import { BOT_ENDS, MAX_REASON, type StartMessage } from '../bot-messages.js';
import type { Channel } from './channel.js';

/** Session in a bot process. The runner has the authoritative one, and is notified of changes. */
export class HostedSession extends Session {
  private isKnown = false;
  private isServing = false;

  constructor(
    { id, transport, bot, claims }: StartMessage['session'],
    body: unknown,
    private readonly channel: Channel,
    /** Path of the Unix socket for requests to the session. */
    private readonly requestSocket: string | undefined,
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

  override leaves(reason: SessionEnd): void {
    super.leaves(reason);
    void this.channel.send({ type: 'leaving', message: reason.message.slice(0, MAX_REASON) });
  }

  override onRequest(handler: SessionRequestHandler): void {
    super.onRequest(handler);
    if (this.requestSocket === undefined || this.isServing) return;
    this.isServing = true;
    attempt(
      () => this.serve(this.requestSocket!),
      (thrown) =>
        this.logger.warn(`requests to the session cannot be taken: ${textOfThrown(thrown).text}`),
    );
  }

  private async serve(path: string): Promise<void> {
    // Loaded on demand, for the bots that take requests.
    const { serveRequests } = await import('./request-server.js');
    await serveRequests(path, this);
    await this.channel.send({ type: 'requests' });
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
