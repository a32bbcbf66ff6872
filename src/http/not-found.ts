import type { ServerResponse } from 'node:http';
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { RunnerError } from '../errors/runner.error.js';
import { toErrorAnswer } from './error-answer.js';
import { RunnerPaths } from './runner-paths.js';

/**
 * Answers what lies below the runner's own `path` and is nobody's, in the runner's error shape. Registered when all
 * routes are, the host's included, so that it comes after them.
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
      // At `onRequest`, so that Fastify does not first refuse a body nobody will read.
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
