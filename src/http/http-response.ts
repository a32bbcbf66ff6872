import type { ServerResponse } from 'node:http';
import type { HttpAdapterHost } from '@nestjs/core';
import { toErrorAnswer } from './error-answer.js';

/** Subset of Fastify's reply for answering in its place. Express' response is Node's own. */
interface FastifyReplyLike {
  readonly raw?: ServerResponse;
  hijack(): void;
  getHeaders(): Record<string, string | string[] | number>;
}

/** Returns Node's response under the framework's. */
export const nodeResponse = (response: unknown): ServerResponse =>
  (response as FastifyReplyLike).raw ?? (response as ServerResponse);

/** Takes Node's response over from the framework, with the headers set so far. */
export function takeOverResponse(response: unknown): ServerResponse {
  const reply = response as FastifyReplyLike;
  if (!reply.raw) return response as ServerResponse;
  for (const [name, value] of Object.entries(reply.getHeaders())) reply.raw.setHeader(name, value);
  reply.hijack();
  return reply.raw;
}

/** Sends text of a media type through the framework. */
export function replyWith(
  { httpAdapter }: HttpAdapterHost,
  response: unknown,
  contentType: string,
  body: string,
): void {
  httpAdapter.setHeader(response, 'content-type', contentType);
  httpAdapter.reply(response, body, 200);
}

/** Sends an error on a response that was taken over. */
export function sendError(
  response: ServerResponse,
  error: unknown,
  more: Record<string, string> = {},
): void {
  const { status, headers, body } = toErrorAnswer(error);
  response
    .writeHead(status, { ...headers, ...more, 'content-type': 'application/json; charset=utf-8' })
    .end(JSON.stringify(body));
}
