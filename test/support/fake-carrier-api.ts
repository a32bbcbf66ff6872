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

/** Requests and answers of each carrier's API for ending a call, written from their references, not from our client. */
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
    pattern: /^DELETE \/Account\/MA1\/(?:Call|Request)\/([^/]+)\/$/,
    authorization: basic('MA1', 'plivo-secret'),
    contentType: undefined,
    body: '',
    answer: { status: 204, body: undefined },
    gone: { status: 404, body: { error: 'call not found' } },
  },
];

/** A call that a carrier was asked to place. */
export interface PlacedCall {
  readonly callId: string;
  readonly to: string;
  readonly from: string;
  readonly ringTimeoutSeconds: number;
  /** Other requests. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** XML that connects the call; fetched from its URL when the call is answered, as carriers do. */
  readonly answer: () => Promise<string>;
}

/** A call that a carrier was asked to put through, to what the XML or the command says. */
export interface TransferredCall {
  readonly callId: string;
  readonly target: string;
}

/** Actual URL of the runner, in place of its public host. */
let runnerUrl = '';

const posted = async (url: unknown): Promise<string> => {
  const { protocol, pathname } = new URL(String(url));
  if (protocol !== 'https:') throw new Error(`${String(url)} is not safe`);
  const response = await fetch(new URL(pathname, runnerUrl), {
    method: 'POST',
    body: new URLSearchParams({ CallUUID: 'plivo-call' }),
  });
  if (!response.ok) throw new Error(`${String(url)} answered ${response.status}`);
  return response.text();
};

/** The one target that an XML document dials, if it does nothing else. */
const dialled = (xml: string): string | undefined =>
  /^<\?xml [^>]*\?>\s*<Response><Dial[^>]*><(Number|Sip|User)>([^<]+)<\/\1><\/Dial><\/Response>\s*$/.exec(
    xml,
  )?.[2];

type Fields = Readonly<Record<string, unknown>>;

/** Requests and answers of each carrier's API for placing and transferring a call, likewise. */
const COMMANDS = [
  {
    pattern: /^POST \/2010-04-01\/Accounts\/AC1\/Calls\.json$/,
    authorization: basic('AC1', 'twilio-secret'),
    contentType: 'application/x-www-form-urlencoded',
    place: ({ To, From, Twiml, Timeout, ...fields }: Fields, callId: string) => ({
      call: { to: To, from: From, ringTimeoutSeconds: Number(Timeout), fields },
      answer: () => Promise.resolve(String(Twiml)),
      reply: { status: 201, body: { sid: callId, status: 'queued' } },
    }),
  },
  {
    pattern: /^POST \/2010-04-01\/Accounts\/AC1\/Calls\/([^/]+)\.json$/,
    authorization: basic('AC1', 'twilio-secret'),
    contentType: 'application/x-www-form-urlencoded',
    transfer: async ({ Twiml }: Fields) => dialled(String(Twiml)),
    reply: { status: 200, body: { status: 'in-progress' } },
  },
  {
    pattern: /^POST \/texml\/Accounts\/TA1\/Calls$/,
    authorization: 'Bearer telnyx-secret',
    contentType: 'application/json',
    place: ({ To, From, Texml, Timeout, ApplicationSid, ...fields }: Fields, callId: string) => ({
      call: {
        to: To,
        from: From,
        ringTimeoutSeconds: Timeout,
        fields: { ...fields, ApplicationSid },
      },
      answer: () => Promise.resolve(String(Texml)),
      reply: { status: 200, body: { from: From, to: To, status: 'queued', call_sid: callId } },
    }),
  },
  {
    pattern: /^POST \/texml\/Accounts\/TA1\/Calls\/([^/]+)$/,
    authorization: 'Bearer telnyx-secret',
    contentType: 'application/x-www-form-urlencoded',
    transfer: async ({ Texml }: Fields) => dialled(String(Texml)),
    reply: { status: 200, body: { status: 'in-progress' } },
  },
  {
    pattern: /^POST \/calls\/([^/]+)\/actions\/transfer$/,
    authorization: 'Bearer telnyx-secret',
    contentType: 'application/json',
    transfer: async ({ to }: Fields) => String(to),
    reply: { status: 200, body: { data: { result: 'ok' } } },
  },
  {
    pattern: /^POST \/Account\/MA1\/Call\/$/,
    authorization: basic('MA1', 'plivo-secret'),
    contentType: 'application/json',
    place: ({ to, from, answer_url, ring_timeout, ...fields }: Fields, callId: string) => ({
      call: { to, from, ringTimeoutSeconds: ring_timeout, fields },
      answer: () => posted(answer_url),
      reply: { status: 201, body: { message: 'call fired', request_uuid: callId } },
    }),
  },
  {
    pattern: /^POST \/Account\/MA1\/Call\/([^/]+)\/$/,
    authorization: basic('MA1', 'plivo-secret'),
    contentType: 'application/json',
    transfer: async ({ legs, aleg_url }: Fields) =>
      legs === 'aleg' ? dialled(await posted(aleg_url)) : undefined,
    reply: { status: 202, body: { message: 'call transferred' } },
  },
];

/**
 * A real HTTP server in the place of the carriers' REST APIs. Emits `ended` with the id of a call that it was asked to end, `placed` and
 * `transferred`.
 */
export class FakeCarrierApi extends EventEmitter<{
  ended: [callId: string];
  placed: [call: PlacedCall];
  transferred: [call: TransferredCall];
}> {
  readonly requests: ApiRequest[] = [];
  /** Applied to the next requests, one each. */
  readonly misbehaviours: ApiMisbehaviour[] = [];
  /** Hook before each request. */
  whenAsked: () => Promise<void> = () => Promise.resolve();
  /** Hook after a call is ended, before the answer. */
  whenEnded: (callId: string) => Promise<void> = () => Promise.resolve();
  /** Hook after a call is placed, before the answer. */
  whenPlaced: () => Promise<void> = () => Promise.resolve();
  /** Hook after a call is transferred, before the answer. */
  whenTransferred: (call: TransferredCall) => Promise<void> = () => Promise.resolve();
  /** The calls that were placed. */
  readonly placed: PlacedCall[] = [];
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

  /** URL of the runner from which the carriers fetch documents. */
  set runnerUrl(url: string) {
    runnerUrl = url;
  }

  /** The options of `TelephonyModule` with accounts of this server. */
  get credentials() {
    return {
      twilio: { accountSid: 'AC1', authToken: 'twilio-secret', apiUrl: this.url },
      telnyx: {
        apiKey: 'telnyx-secret',
        accountSid: 'TA1',
        applicationId: 'APP1',
        apiUrl: this.url,
      },
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
    await this.whenAsked();
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
        // The same path may stand for another command.
        break;
      }
      const callId = decodeURIComponent(match[1]!);
      if (this.over.has(callId)) return route.gone;
      this.over.add(callId);
      this.emit('ended', callId);
      await this.whenEnded(callId);
      return route.answer;
    }
    return this.command(request);
  }

  private async command(request: ApiRequest): Promise<{ status: number; body?: unknown }> {
    for (const { pattern, authorization, contentType, ...how } of COMMANDS) {
      const match = pattern.exec(`${request.method} ${request.path}`);
      if (!match) continue;
      if (request.authorization !== authorization) {
        return { status: 401, body: { message: 'Authenticate' } };
      }
      if (request.contentType !== contentType) {
        return { status: 400, body: { message: `unexpected ${request.contentType}` } };
      }
      const fields = (
        contentType === 'application/json'
          ? JSON.parse(request.body)
          : Object.fromEntries(new URLSearchParams(request.body))
      ) as Fields;
      if (how.place) {
        const callId = `call-${this.placed.length + 1}`;
        const { call, answer, reply } = how.place(fields, callId);
        const placed = { ...(call as Omit<PlacedCall, 'callId' | 'answer'>), callId, answer };
        this.placed.push(placed);
        this.emit('placed', placed);
        await this.whenPlaced();
        return reply;
      }
      const callId = decodeURIComponent(match[1]!);
      if (this.over.has(callId))
        return { status: 404, body: { code: 20404, message: 'not found' } };
      const target = await how.transfer(fields);
      if (target === undefined) {
        return { status: 400, body: { message: `unexpected body '${request.body}'` } };
      }
      const transferred = { callId, target };
      this.emit('transferred', transferred);
      await this.whenTransferred(transferred);
      return how.reply;
    }
    return { status: 404, body: { message: 'no such route' } };
  }
}
