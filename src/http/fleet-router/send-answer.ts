import type { IncomingMessage } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { discardBody } from '../body-stream.js';
import { takeOverResponse } from '../http-response.js';
import type { OpenExchange } from '../intake/exchange.js';
import { endToEnd } from './forwarded-headers.js';
import type { PeerAnswer } from './forwarding.js';
import { MISDIRECTED_HEADER } from './hops.js';

/** Sends the answer of another node to the client. */
export async function sendAnswer(
  { request, reply }: OpenExchange,
  answer: PeerAnswer,
): Promise<void> {
  const { response: from } = answer;
  const to = takeOverResponse(reply);
  const headers = new Map<string, string[]>();
  for (const [name, value] of endToEnd(from.rawHeaders)) {
    headers.set(name, [...(headers.get(name) ?? []), value]);
  }
  const { 'content-length': length } = from.headers;
  if (length !== undefined) headers.set('content-length', [length]);
  for (const [name, values] of headers) to.setHeader(name, values.length > 1 ? values : values[0]!);
  const isUnread = !request.raw.complete;
  if (isUnread && request.raw.httpVersionMajor < 2) to.setHeader('connection', 'close');
  to.writeHead(from.statusCode ?? 502);
  to.flushHeaders();
  try {
    if (isUnread) discardBody(request);
    await pipeline(from, to);
  } finally {
    if (isUnread) answer.destroy();
  }
}

/** True for the answer of a node that does not have the session. */
export const isMisdirected = ({ statusCode, headers }: IncomingMessage): boolean =>
  statusCode === 421 && headers[MISDIRECTED_HEADER] !== undefined;

/** Tells the node that has passed a request on that its session is not here. Nothing is passed on twice. */
export function misdirected({ request, reply }: OpenExchange): void {
  const response = takeOverResponse(reply);
  response.writeHead(421, { [MISDIRECTED_HEADER]: '1' }).end();
  discardBody(request);
}
