import { parseJsonMessage } from '../../../../media/serializers/json-message.js';
import type { SocketResponder } from '../../../../websocket/runner-web-socket.js';
import type { GenesysSerializer } from './genesys.serializer.js';

/** The most pings that are answered in a second; Genesys sends one in five. */
const MAX_PONGS = 20;

/** Longer messages are left to the bot: none of those that are answered here is. */
const MAX_MESSAGE_BYTES = 65_536;

/** Answers that are given here, and so not by the bot as well. */
const ANSWERS: readonly unknown[] = ['opened', 'closed'];

/**
 * Answers `open`, `ping` and `close`, for which Genesys waits five seconds, and numbers what the bot sends along with the answers.
 * @throws {MediaUnavailableError} when no media on offer are understood
 */
export function genesysResponder(serializer: GenesysSerializer): SocketResponder {
  let pongs = 0;
  let sinceMs = 0;
  const mayPong = (): boolean => {
    const nowMs = performance.now();
    if (nowMs - sinceMs > 1_000) [sinceMs, pongs] = [nowMs, 0];
    return ++pongs <= MAX_PONGS;
  };
  return {
    first: serializer.open(),
    receive(data) {
      const message = data.length <= MAX_MESSAGE_BYTES ? parseJsonMessage(data) : undefined;
      if (!message) return {};
      const isPing = message.type === 'ping';
      if (isPing && !mayPong()) return { isTaken: true };
      const media = serializer.readMessage(message);
      return media.kind === 'reply' ? { answer: media.data, isTaken: isPing } : {};
    },
    send(text) {
      const message = parseJsonMessage(Buffer.from(text));
      return ANSWERS.includes(message?.type) ? undefined : serializer.message(message);
    },
    end: () => serializer.end(false),
  };
}
