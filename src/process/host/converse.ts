import { once } from 'node:events';
import type { BotLauncher } from '../../bot/bot-launcher.js';
import { runnerArgumentsFromJSON } from '../../bot/runner-arguments-json.js';
import { isEndAtWork, SessionEnd, type SessionEndCode } from '../../bot/session-end.js';
import { setLiveField } from '../../bot/wire-classes.js';
import { attempt } from '../../errors/attempt.js';
import { textOfThrown } from '../../errors/thrown.js';
// Registers the argument classes and their media connections.
import '../../bot.js';
import { bindContext } from '../../sessions/session-context.js';
import type { SessionLimits } from '../../sessions/session-state.js';
import { FolderFileStorage } from '../../uploads/folder-file-storage.js';
import { type BotMessage, MAX_REASON, type StartMessage } from '../bot-messages.js';
import type { Channel } from './channel.js';
import { HostedSession } from './hosted-session.js';
import { RelayedSocket } from './relayed-socket.js';

/** The runner enforces the limits. */
const UNLIMITED: SessionLimits = {
  maxSessionDurationMs: Infinity,
  readyTimeoutMs: Infinity,
  stopGraceMs: Infinity,
};

/** End codes that come from the connection, delivered after its last message. */
const ENDS_OF_CONNECTIONS: readonly SessionEndCode[] = ['peer_left', 'peer_error', 'completed'];

/** Runs the bot through its conversation, like a bot in the runner's own process, and sends the outcome. Resolves when all messages are flushed. */
export async function converse(
  bot: BotLauncher,
  start: StartMessage,
  channel: Channel,
): Promise<void> {
  const stopped = channel.next('stop');
  const relayed =
    start.args.type === 'WebSocketRunnerArguments'
      ? new RelayedSocket(() => void channel.send({ type: 'terminate' }))
      : undefined;
  const websocket = await relayed?.opened;
  if (websocket) {
    websocket.handshake = start.handshake;
    websocket.isAnswered = start.isAnswered === true;
    websocket.upgrade = start.upgrade;
  }
  const args = runnerArgumentsFromJSON(start.args, websocket && { websocket });
  if (start.uploadsFolder !== undefined) {
    // The runner deletes old files.
    setLiveField(args, 'file_storage', new FolderFileStorage(start.uploadsFolder, Infinity));
  }
  const session = new HostedSession(start.session, args.body, channel, start.requests);
  const { context } = session;
  bindContext(args, context);
  if (start.canHangUp) {
    context.hangUp = async () => {
      void channel.send({ type: 'hang_up' });
      const { ok, via, error } = await channel.next('hung_up');
      return { ok, via, error };
    };
  }
  if (start.canTransfer) {
    context.transfer = async (target, { callerId }) => {
      const transferred = channel.next('transferred');
      void channel.send({ type: 'transfer', target, callerId });
      const outcome = transferred.then(({ ok, error }) => ({ ok, error }));
      await session.whileTransferring(outcome);
      return outcome;
    };
  }
  const fail = (thrown: unknown): void => session.fail(thrown);
  websocket?.guard(fail);
  attempt(async () => {
    const { code, message } = await stopped;
    const isOpen = websocket && websocket.readyState < websocket.CLOSED;
    // Rejects when an error precedes the event.
    if (isOpen && ENDS_OF_CONNECTIONS.includes(code))
      await once(websocket, 'close').catch(() => undefined);
    session.endHere(new SessionEnd(code, message));
  }, fail);

  let outcome: Extract<BotMessage, { type: 'done' | 'failed' }> = { type: 'done' };
  session.launch(async () => {
    try {
      await bot.launch(args, session);
    } catch (error) {
      if (session.ending && isEndAtWork(error, session.ending)) return;
      outcome = failure(error);
      session.endHere(new SessionEnd('failed', 'The bot failed.'));
    }
  }, UNLIMITED);
  await session.ended;
  // First, since the end of the relay alone could be taken for a crash.
  await channel.send(outcome.type === 'done' ? { ...outcome, stats: context.mediaStats } : outcome);
  await relayed?.flush();
}

/** Converts an error to a message to the runner. */
export function failure(thrown: unknown): Extract<BotMessage, { type: 'failed' }> {
  const { text, stack } = textOfThrown(thrown);
  return { type: 'failed', message: text.slice(0, MAX_REASON), stack };
}
