import type { ServerResponse } from 'node:http';
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { RunnerError } from '../errors/runner.error.js';
import { toErrorAnswer } from './error-answer.js';
import { RunnerPaths } from './runner-paths.js';

/**
 * Answers unknown paths below the runner's own `path` with 404 in the runner's error format. Registered after all other routes, the host's
 * included.
 */
@Injectable()
export class NotFound implements OnModuleInit {
  constructor(
    private readonly paths: RunnerPaths,
    private readonly adapterHost: HttpAdapterHost,
  ) {}

  onModuleInit(): void {
    const { httpAdapter } = this.adapterHost;
    if (!this.paths.hasOwnPath || !httpAdapter) return;
    const below = this.paths.basePath;
    const { status, body } = toErrorAnswer(
      new RunnerError('NOT_FOUND', 'The runner has no such route.'),
    );
    if (httpAdapter.getType() === 'fastify') {
      const reply = (_request: unknown, response: FastifyReplyLike) =>
        response.code(status).send(body);
      // An `onRequest` hook, so that Fastify does not reject the unread body first.
      httpAdapter.getInstance<FastifyLike>().all(`${below}/*`, { onRequest: reply }, reply);
    } else {
      httpAdapter.getInstance<ExpressLike>().use(below, (_request, response) => {
        httpAdapter.reply(response, body, status);
      });
    }
  }
}

interface FastifyReplyLike {
  code(status: number): FastifyReplyLike;
  send(body: unknown): unknown;
}

interface FastifyLike {
  all(
    path: string,
    options: object,
    handler: (request: unknown, reply: FastifyReplyLike) => unknown,
  ): void;
}

interface ExpressLike {
  use(path: string, handler: (request: unknown, response: ServerResponse) => void): void;
}
