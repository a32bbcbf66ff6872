import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type IncomingMessage, request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/** Statuses whose responses have no body (Fetch standard). */
const WITHOUT_BODY: readonly (number | undefined)[] = [204, 205, 304];

/** Relays requests to a session to the HTTP server of its bot's process, at a Unix domain socket that only the runner's user can reach. */
export class RequestRelay {
  /** Path of the socket. */
  readonly path: string;
  private readonly folder: string;

  /** @throws {Error} when no temporary folder can be made */
  constructor() {
    this.folder = mkdtempSync(join(tmpdir(), 'pipecat-bot-'));
    this.path = join(this.folder, 'http');
  }

  /** Answers a request with the response of the process. Both bodies are streamed, with backpressure. */
  readonly answer = async (request: Request): Promise<Response> => {
    const { pathname, search } = new URL(request.url);
    const outgoing = httpRequest({
      socketPath: this.path,
      agent: false,
      method: request.method,
      path: pathname + search,
      headers: {
        ...Object.fromEntries(request.headers),
        // Node adds it for some methods only.
        ...(request.body && { 'transfer-encoding': 'chunked' }),
      },
      signal: request.signal,
    });
    // The promises below report the errors; one may still come after the response.
    outgoing.on('error', () => undefined);
    const answered = once(outgoing, 'response') as Promise<[IncomingMessage]>;
    if (request.body) outgoing.flushHeaders();
    const body = request.body ? Readable.fromWeb(request.body as never) : Readable.from([]);
    // A process may answer before it has read everything.
    const sent = pipeline(body, outgoing).then(() => answered);
    const [response] = await Promise.race([answered, sent]);
    sent.catch(() => undefined);
    return responseOf(response);
  };

  /** Removes the socket. Never throws. */
  close(): void {
    try {
      rmSync(this.folder, { recursive: true, force: true });
    } catch {
      // The system cleans its folder of temporary files.
    }
  }
}

function responseOf(incoming: IncomingMessage): Response {
  // Reported to whoever reads the body.
  incoming.on('error', () => undefined);
  const headers = new Headers();
  for (let i = 0; i < incoming.rawHeaders.length; i += 2) {
    headers.append(incoming.rawHeaders[i]!, incoming.rawHeaders[i + 1]!);
  }
  const hasBody = !WITHOUT_BODY.includes(incoming.statusCode);
  if (!hasBody) incoming.resume();
  return new Response(hasBody ? (Readable.toWeb(incoming) as ReadableStream) : null, {
    status: incoming.statusCode,
    headers,
  });
}
