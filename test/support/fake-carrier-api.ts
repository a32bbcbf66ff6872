import { EventEmitter, once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ApiRequest {
  readonly method: string;
  readonly path: string;
  readonly authorization: string | undefined;
  readonly contentType: string | undefined;
  readonly body: string;
}

/** Answers instead of doing what is asked: a status with a body, no answer, or a broken connection. */
export type ApiMisbehaviour = { readonly status: number; readonly body?: unknown } | 'hang' | 'cut';

const basic = (user: string, password: string) =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;

/** How each carrier's API is asked to end a call, and what it answers; written from their references, not from our client. */
const ROUTES = [
  {
    pattern: /^POST \/2010-04-01\/Accounts\/AC1\/Calls\/([^/]+)\.json$/,
    authorization: basic('AC1', 'twilio-secret'),
    contentType: 'application/x-www-form-urlencoded',
    body: 'Status=completed',
    answer: { status: 200, body: { status: 'completed' } },
    gone: { status: 404, body: { code: 20404, message: 'not found', status: 404 } },
  },
  {
    pattern: /^POST \/calls\/([^/]+)\/actions\/hangup$/,
    authorization: 'Bearer telnyx-secret',
    contentType: 'application/json',
    body: '{}',
    answer: { status: 200, body: { data: { result: 'ok' } } },
    gone: { status: 422, body: { errors: [{ code: '90018', title: 'Call has already ended' }] } },
  },
  {
    pattern: /^DELETE \/Account\/MA1\/Call\/([^/]+)\/$/,
    authorization: basic('MA1', 'plivo-secret'),
    contentType: undefined,
    body: '',
    answer: { status: 204, body: undefined },
    gone: { status: 404, body: { error: 'call not found' } },
  },
];

/** A real HTTP server in the place of the carriers' REST APIs. Emits `ended` with the id of a call that it was asked to end. */
export class FakeCarrierApi extends EventEmitter<{ ended: [callId: string] }> {
  readonly requests: ApiRequest[] = [];
  /** Applied to the next requests, one each. */
  readonly misbehaviours: ApiMisbehaviour[] = [];
  /** What happens once a call is ended, before that is answered. */
  whenEnded: (callId: string) => Promise<void> = () => Promise.resolve();
  /** The calls that are over already. */
  readonly over = new Set<string>();
  private readonly server: Server;

  private constructor() {
    super();
    this.server = createServer((request, response) => {
      let body = '';
      request.setEncoding('utf8').on('data', (part: string) => (body += part));
      request.on('end', () => void this.answer(request, body, response));
    });
  }

  static async start(): Promise<FakeCarrierApi> {
    const api = new FakeCarrierApi();
    api.server.listen(0, '127.0.0.1');
    await once(api.server, 'listening');
    return api;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** The options of `TelephonyModule` with accounts of this server. */
  get credentials() {
    return {
      twilio: { accountSid: 'AC1', authToken: 'twilio-secret', apiUrl: this.url },
      telnyx: { apiKey: 'telnyx-secret', apiUrl: this.url },
      plivo: { authId: 'MA1', authToken: 'plivo-secret', apiUrl: this.url },
    };
  }

  async close(): Promise<void> {
    this.server.close();
    this.server.closeAllConnections();
    await once(this.server, 'close');
  }

  private async answer(
    { method = '', url = '', headers, socket }: IncomingMessage,
    body: string,
    response: ServerResponse,
  ): Promise<void> {
    const request = {
      method,
      path: url,
      authorization: headers.authorization,
      contentType: headers['content-type'],
      body,
    };
    this.requests.push(request);
    const misbehaviour = this.misbehaviours.shift();
    if (misbehaviour === 'hang') return;
    if (misbehaviour === 'cut') return void socket.destroy();
    const { status, body: answer } = misbehaviour ?? (await this.serve(request));
    response.statusCode = status;
    response.setHeader('content-type', 'application/json');
    response.end(answer === undefined ? '' : JSON.stringify(answer));
  }

  private async serve(request: ApiRequest): Promise<{ status: number; body?: unknown }> {
    for (const route of ROUTES) {
      const match = route.pattern.exec(`${request.method} ${request.path}`);
      if (!match) continue;
      if (request.authorization !== route.authorization) {
        return { status: 401, body: { message: 'Authenticate' } };
      }
      if (request.contentType !== route.contentType || request.body !== route.body) {
        return { status: 400, body: { message: `unexpected body '${request.body}'` } };
      }
      const callId = decodeURIComponent(match[1]!);
      if (this.over.has(callId)) return route.gone;
      this.over.add(callId);
      this.emit('ended', callId);
      await this.whenEnded(callId);
      return route.answer;
    }
    return { status: 404, body: { message: 'no such route' } };
  }
}
