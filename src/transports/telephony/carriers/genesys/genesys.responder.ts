import { parseJsonMessage } from '../../../../media/serializers/json-message.js';
import type { SocketResponder } from '../../../../websocket/runner-web-socket.js';
import type { GenesysSerializer } from './genesys.serializer.js';

/** The most pings that are answered in a second; Genesys sends one in five. */
const MAX_PONGS = 20;

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
      const isPing = parseJsonMessage(data)?.type === 'ping';
      if (isPing && !mayPong()) return { isTaken: true };
      const media = serializer.read(data, false);
      return media.kind === 'reply' ? { answer: media.data, isTaken: isPing } : {};
    },
    send(text) {
      const message = parseJsonMessage(Buffer.from(text));
      return ANSWERS.includes(message?.type) ? undefined : serializer.message(message);
    },
    end: () => serializer.end(false),
  };
}
