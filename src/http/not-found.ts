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
    if (!this.paths.hasOwnPath) return;
    const { basePath } = this.paths;
    answerLast(
      this.adapterHost,
      { fastify: ['all', `${basePath}/*`], express: ['use', basePath] },
      new RunnerError('NOT_FOUND', 'The runner has no such route.'),
    );
  }
}

/** Method of a framework's application that registers a route, and the path of the route. */
type LastRoute = readonly ['all' | 'post' | 'use', string];

/** Answers a route with an error where no other route does. Must be called after all others are registered. */
export function answerLast(
  { httpAdapter }: HttpAdapterHost,
  { fastify, express }: { readonly fastify: LastRoute; readonly express: LastRoute },
  error: RunnerError,
): void {
  // Without HTTP there is no adapter.
  if (!httpAdapter) return;
  const { status, body } = toErrorAnswer(error);
  if (httpAdapter.getType() === 'fastify') {
    const [method, url] = fastify;
    const instance = httpAdapter.getInstance<FastifyLike>();
    if (instance.hasRoute({ method: method.toUpperCase(), url })) return;
    const reply = (_request: unknown, response: FastifyReplyLike) =>
      response.code(status).send(body);
    // An `onRequest` hook, so that Fastify does not reject the unread body first.
    instance[method](url, { onRequest: reply }, reply);
  } else {
    const [method, path] = express;
    httpAdapter.getInstance<ExpressLike>()[method](path, (_request, response) => {
      httpAdapter.reply(response, body, status);
    });
  }
}

interface FastifyReplyLike {
  code(status: number): FastifyReplyLike;
  send(body: unknown): unknown;
}

type FastifyLike = Record<
  LastRoute[0],
  (
    path: string,
    options: object,
    handler: (request: unknown, reply: FastifyReplyLike) => unknown,
  ) => void
> & { hasRoute(route: { method: string; url: string }): boolean };

type ExpressLike = Record<
  LastRoute[0],
  (path: string, handler: (request: unknown, response: ServerResponse) => void) => void
>;
