import type { ServerResponse } from 'node:http';
import { All, Inject, Param, Req, Res, Module } from '@nestjs/common';
import { Access } from '../auth/access.decorator.js';
import { ApiRoute } from '../http/api-route.decorator.js';
import { guardListeners, within } from '../errors/attempt.js';
import { RunnerError } from '../errors/runner.error.js';
import { callBot } from '../limits/event-loop.js';
import { logThrown } from '../errors/runner-logger.js';
import { fieldOf, isInstance } from '../errors/thrown.js';
import { restOfUrl } from '../http/http-request.js';
import { nodeResponse, takeOverResponse } from '../http/http-response.js';
import { onClosed } from '../http/on-closed.js';
import { OfSession, RunnerController, StreamsBody } from '../http/runner-controller.decorator.js';
import { RunnerRequest } from '../http/runner-request.js';
import { sendWebResponse, WEB_METHODS, webRequest } from '../http/web-standard.js';
import { type ResolvedRunnerOptions, RUNNER_OPTIONS } from '../runner.options.js';
import { SessionRegistry } from './session-registry.js';
import type { Session } from './session.js';

/** `/sessions/:id/*`: proxies requests to the session's bot, like Pipecat Cloud's session API. */
@RunnerController('sessions/:id')
@Access('session')
export class SessionApiController {
  constructor(
    @Inject(RUNNER_OPTIONS) private readonly options: ResolvedRunnerOptions,
    private readonly sessions: SessionRegistry,
  ) {}

  /** Passes the request to the handler from `session.onRequest()`. */
  @All('*')
  @ApiRoute({
    summary: "Proxies a request to a session's bot",
    description: "The answer is the bot's: any status, any content.",
    params: {
      id: { description: 'The session id.' },
      path: { description: 'The path for the bot.' },
    },
    body: { '*/*': {} },
    answers: { default: { description: "The bot's answer." } },
    errors: ['NOT_FOUND', 'UNKNOWN_SESSION', 'WRONG_STATE', 'BOT_FAILED', 'DRAINING', 'NO_ANSWER'],
    notForSwagger: true,
  })
  @StreamsBody()
  @OfSession()
  async answer(
    @Req() request: RunnerRequest,
    @Res() response: unknown,
    @Param('id') id: string,
  ): Promise<void> {
    const { method } = request;
    if (!WEB_METHODS.includes(method)) {
      throw new RunnerError('NOT_FOUND', `Sessions take ${WEB_METHODS.join(', ')}.`);
    }
    const session = this.sessions.require(id, request.principal);
    const { requestHandler } = session;
    if (!requestHandler) {
      throw new RunnerError(
        'WRONG_STATE',
        'The bot of this session takes no requests: it is not running, or it called no session.onRequest().',
      );
    }
    const client = nodeResponse(response);
    const over = new AbortController();
    const { signal } = over;
    const onEnd = (): void =>
      over.abort(new RunnerError('WRONG_STATE', 'The session ended before its bot answered.'));
    session.signal.addEventListener('abort', onEnd);
    const unlisten = onClosed(client, () => over.abort(GONE));
    const aborted = new Promise<never>((_, reject) =>
      signal.addEventListener('abort', () => reject(signal.reason as Error)),
    );
    const tooLong = (): Error => {
      over.abort(new RunnerError('NO_ANSWER', 'The bot did not answer in time.'));
      return signal.reason as Error;
    };
    let answering = false;
    try {
      const asked = webRequest(request, restOfUrl(request), signal);
      guardListeners(asked.signal, (thrown) => {
        logThrown(session.logger, "a listener of a request's signal threw:", thrown);
      });
      const answer = Promise.race([
        (async () => callBot(session, () => requestHandler(asked)))(),
        aborted,
      ]);
      const takeOver = (): ServerResponse => {
        answering = true;
        return takeOverResponse(response);
      };
      await sendWebResponse(
        await within(this.options.sessionRequestTimeoutMs, answer, tooLong),
        takeOver,
        { withBody: method !== 'HEAD', signal },
      );
    } catch (error) {
      const reason = reasonOf(error, session, signal);
      // The answer has begun, so it was aborted.
      if (reason && !answering) throw reason;
    } finally {
      session.signal.removeEventListener('abort', onEnd);
      unlisten();
    }
  }
}

/** Abort reason for a client that is gone. */
const GONE = Symbol('GONE');

/** Returns the error for the client; `undefined` when it is gone. */
function reasonOf(error: unknown, session: Session, signal: AbortSignal): RunnerError | undefined {
  if (signal.reason === GONE) return undefined;
  if (signal.reason instanceof RunnerError) return signal.reason;
  // The bot read a body over the limit.
  if (isInstance(error, RunnerError) && fieldOf(error, 'code') === 'TOO_LARGE') return error;
  logThrown(session.logger, 'the bot failed to answer a request:', error);
  return new RunnerError('BOT_FAILED', 'The bot failed to answer; its log says why.');
}

/** Separate module, registered after all transports: their routes below `/sessions/:id` are more specific, and Express uses the first match. */
@Module({ controllers: [SessionApiController] })
export class SessionApiModule {}
