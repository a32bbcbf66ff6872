import { mkdtempSync, rmSync } from 'node:fs';
import { type ClientRequest, type IncomingMessage, request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { paceChunks } from '../compat/node-http.js';

/** The longest path of a Unix socket on every system, in bytes. */
const MAX_PATH = 103;
/** The most informational responses (1xx) before a response. */
const MAX_INFORMATIONAL = 10;
/** Statuses whose responses have no body (Fetch standard). */
const WITHOUT_BODY: readonly (number | undefined)[] = [204, 205, 304];

/** Relays requests to a session to the HTTP server of its bot's process, at a Unix domain socket that only the runner's user can reach. */
export class RequestRelay {
  /** Path of the socket. */
  readonly path: string;
  private readonly folder: string;

  /** @throws {Error} when no temporary folder can be made, or its path is too long */
  constructor(parent = tmpdir()) {
    const folder = join(parent, 'pipecat-bot-');
    // Followed by six random characters and the name of the socket.
    if (Buffer.byteLength(folder) + '123456/http'.length > MAX_PATH) {
      throw new Error(`the path of the temporary folder is too long for a socket: ${parent}`);
    }
    this.folder = mkdtempSync(folder);
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
    const answered = responseTo(outgoing);
    if (request.body) outgoing.flushHeaders();
    const body = request.body ? Readable.fromWeb(request.body as never) : Readable.from([]);
    // A process may answer before it has read everything.
    const sent = pipeline(body, outgoing).then(() => answered);
    sent.catch(() => undefined);
    try {
      return responseOf(await Promise.race([answered, sent]));
    } catch (error) {
      // Nobody reads a response that cannot be passed on.
      outgoing.destroy();
      throw error;
    }
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

/**
 * Resolves with the response. Node would report neither a process that switches protocols, which gives none, nor endless informational responses.
 */
function responseTo(outgoing: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    outgoing.once('response', resolve).on('error', reject);
    outgoing.once('upgrade', (_, socket) => {
      socket.destroy();
      reject(new Error('the process switched protocols'));
    });
    let informational = 0;
    const count = (): void => {
      if (++informational <= MAX_INFORMATIONAL) return;
      outgoing.off('information', count).destroy();
      reject(new Error(`the process sent more than ${MAX_INFORMATIONAL} informational responses`));
    };
    outgoing.on('information', count);
  });
}

function responseOf(incoming: IncomingMessage): Response {
  paceChunks(incoming);
  // Reported to whoever reads the body.
  incoming.on('error', () => undefined);
  const headers = new Headers();
  for (let i = 0; i < incoming.rawHeaders.length; i += 2) {
    headers.append(incoming.rawHeaders[i]!, incoming.rawHeaders[i + 1]!);
  }
  const hasBody = !WITHOUT_BODY.includes(incoming.statusCode);
  if (!hasBody) incoming.resume();
  return new Response(hasBody ? bodyOf(incoming) : null, {
    status: incoming.statusCode,
    headers,
  });
}

/** Returns the body of a response. Tiny chunks are read as one, unlike with `Readable.toWeb()`. */
function bodyOf(incoming: IncomingMessage): ReadableStream<Uint8Array> {
  const chunks = incoming[Symbol.asyncIterator]() as AsyncIterator<Buffer<ArrayBuffer>, undefined>;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { value } = await chunks.next();
        if (value) controller.enqueue(value);
        else controller.close();
      },
      cancel: () => void incoming.destroy(),
    },
    { highWaterMark: 0 },
  );
}
