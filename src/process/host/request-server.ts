import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { guardListeners } from '../../errors/attempt.js';
import { logThrown } from '../../errors/runner-logger.js';
import { hasBody } from '../../http/request-body.js';
import { EMPTY_BODY, type TakenBody } from '../../http/runner-request.js';
import { sendWebResponse, webRequest } from '../../http/web-standard.js';
import type { Session } from '../../sessions/session.js';

/** A body on the wire, whose limits the runner enforces, the only client. */
const ON_THE_WIRE: TakenBody = { ...EMPTY_BODY, leftBytes: Infinity };

/** Serves the requests of the runner with the handler of the session's bot, at a Unix socket. Resolves once it listens. */
export async function serveRequests(path: string, session: Session): Promise<void> {
  const server = createServer((incoming, outgoing) => void answer(incoming, outgoing, session));
  server.listen(path);
  await once(server, 'listening');
}

/** Answers like the runner's own session API. The runner hides the reason of a failure, and the log has it. */
async function answer(raw: IncomingMessage, outgoing: ServerResponse, session: Session) {
  const over = new AbortController();
  const { signal } = over;
  const report = (what: string) => (thrown: unknown) => logThrown(session.logger, what, thrown);
  outgoing.once('close', () => over.abort());
  try {
    const taken = hasBody(raw) ? ON_THE_WIRE : EMPTY_BODY;
    const streamed = { method: raw.method!, raw, taken, rawBody: Buffer.alloc(0) };
    const request = webRequest(streamed, raw.url!, signal);
    guardListeners(request.signal, report("a listener of a request's signal threw:"));
    const { requestHandler } = session;
    if (!requestHandler) throw new Error('the session has ended');
    const withBody = raw.method !== 'HEAD';
    await sendWebResponse(await requestHandler(request), () => outgoing, { withBody, signal });
  } catch (thrown) {
    if (!signal.aborted) report('the bot failed to answer a request:')(thrown);
    // The runner answers BOT_FAILED for a connection that breaks.
    outgoing.destroy();
  }
}
