import { type ArgumentsHost, Catch, type ExceptionFilter } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { RunnerLogger } from '../errors/runner-logger.js';
import { textOfThrown } from '../errors/thrown.js';
import { discardBody } from './body-stream.js';
import { toErrorAnswer } from './error-answer.js';
import { nodeResponse } from './http-response.js';
import { RunnerRequest } from './runner-request.js';

/** Converts errors of the runner's controllers to the error format that Pipecat's clients can show. */
@Catch()
export class RunnerExceptionFilter implements ExceptionFilter {
  private readonly logger = new RunnerLogger('PipecatRunner');

  constructor(private readonly adapterHost: HttpAdapterHost) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const { httpAdapter } = this.adapterHost;
    const response = host.switchToHttp().getResponse<unknown>();
    if (nodeResponse(response).headersSent) {
      // The host's interceptors run after the answer was sent.
      this.logger.debug(`after the answer was sent: ${textOfThrown(error).text}`);
      return;
    }
    const answer = toErrorAnswer(error);
    discardBody(RunnerRequest.of(host.switchToHttp().getRequest()));
    if (answer.status >= 500 && answer.unexpected) {
      const { text, stack } = textOfThrown(error);
      this.logger.error(text, stack);
    }
    for (const [name, value] of Object.entries(answer.headers)) {
      httpAdapter.setHeader(response, name, value);
    }
    httpAdapter.reply(response, answer.body, answer.status);
  }
}
