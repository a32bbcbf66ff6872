import { BotLauncher } from '../../src/bot/bot-launcher.js';
import type { RunnerArguments } from '../../src/bot/runner-arguments.js';
import type { Session } from '../../src/sessions/session.js';

/** Launches bots that talk until they are stopped. */
export class TalkingLauncher extends BotLauncher {
  /** Ids of their sessions. */
  readonly launched: string[] = [];

  async launch(_: RunnerArguments, session: Session): Promise<void> {
    this.launched.push(session.id);
    session.ready();
    await new Promise((resolve) => session.signal.addEventListener('abort', resolve));
  }
}
