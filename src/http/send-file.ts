import type { ServerResponse } from 'node:http';
import { basename, dirname } from 'node:path';
import type { Readable } from 'node:stream';
import { HttpException } from '@nestjs/common';
import send from 'send';
import { type HttpRequest, nodeRequest } from './http-request.js';
import { sendError, takeOverResponse } from './http-response.js';
import { onClosed } from './on-closed.js';

type SendError = Error & { readonly status?: number; readonly headers?: Record<string, string> };

/**
 * Sends a file, or the requested range.
 * @param response the framework's response
 * @param path path of a file that may be served
 */
export function sendFile(
  request: HttpRequest,
  response: unknown,
  path: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  const raw = takeOverResponse(response);
  for (const [name, value] of Object.entries(headers)) raw.setHeader(name, value);
  const name = encodeURIComponent(basename(path));
  const options = { root: dirname(path), index: false, dotfiles: 'allow', cacheControl: false };
  void send(nodeRequest(request), name, options as send.SendOptions)
    .on('error', (error: SendError) => refuse(raw, Object.keys(headers), error))
    // `send` itself waits for the connection, which a pipelined response may never get.
    .on('stream', (file: Readable) => {
      if (raw.destroyed) file.destroy();
      else onClosed(raw, () => file.destroy());
    })
    .pipe(raw);
}

/** Answers an error such as an unsatisfiable range. */
function refuse(
  response: ServerResponse,
  ofFile: readonly string[],
  { status = 500, headers }: SendError,
): void {
  for (const name of ofFile) response.removeHeader(name);
  sendError(response, new HttpException('The file cannot be sent like this.', status), headers);
}
