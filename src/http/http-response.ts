import type { ServerResponse } from 'node:http';
import type { HttpAdapterHost } from '@nestjs/core';
import { toErrorAnswer } from './error-answer.js';

/** The little of Fastify's reply that is needed to answer in its place; Express' response is Node's own. */
interface FastifyReplyLike {
  readonly raw?: ServerResponse;
  hijack(): void;
  getHeaders(): Record<string, string | string[] | number>;
}

/** Node's own response under the framework's. */
export const nodeResponse = (response: unknown): ServerResponse =>
  (response as FastifyReplyLike).raw ?? (response as ServerResponse);

/** Node's own response, from now on left alone by the framework; headers that it was to send are on it. */
export function takeOverResponse(response: unknown): ServerResponse {
  const reply = response as FastifyReplyLike;
  if (!reply.raw) return response as ServerResponse;
  for (const [name, value] of Object.entries(reply.getHeaders())) reply.raw.setHeader(name, value);
  reply.hijack();
  return reply.raw;
}

/** Answers with text of a media type, through whatever framework it is. */
export function replyWith(
  { httpAdapter }: HttpAdapterHost,
  response: unknown,
  contentType: string,
  body: string,
): void {
  httpAdapter.setHeader(response, 'content-type', contentType);
  httpAdapter.reply(response, body, 200);
}

/** Answers with an error on a response that no framework sends any more. */
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
