import { createHmac } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text as textOf } from 'node:stream/consumers';
import { Ajv, type ValidateFunction } from 'ajv';
import { WebRtcClient } from './webrtc-client.js';

const text = { type: 'string', minLength: 1 };
const act = (action: string, properties: object = {}) => ({
  type: 'object',
  properties: {
    messaging_product: { const: 'whatsapp' },
    call_id: text,
    action: { const: action },
    ...properties,
  },
  required: ['messaging_product', 'call_id', 'action', ...Object.keys(properties)],
  additionalProperties: false,
});
const answer = {
  to: text,
  session: {
    type: 'object',
    properties: { sdp: text, sdp_type: { const: 'answer' } },
    required: ['sdp', 'sdp_type'],
    additionalProperties: false,
  },
};

/** The Graph API's documented schema of `POST /<phone number id>/calls`. */
const CALLS_SCHEMA = {
  oneOf: [act('pre_accept', answer), act('accept', answer), act('reject'), act('terminate')],
};

/** Which states of a call allow what. */
const ALLOWED: Record<string, string[]> = {
  pre_accept: ['ringing'],
  accept: ['pre_accept'],
  reject: ['ringing', 'pre_accept'],
  terminate: ['pre_accept', 'accept'],
};

interface Call {
  readonly offer: string;
  state: string;
  answer: string | undefined;
}

interface Act {
  readonly action: string;
  readonly call_id: string;
  readonly session?: { readonly sdp: string };
}

/** A real HTTP server in the place of Meta's: a WhatsApp that people call from, and the Graph API. */
export class FakeMeta extends EventEmitter {
  readonly token = 'token-of-the-tests';
  readonly appSecret = 'secret-of-the-tests';
  readonly verifyToken = 'verify-token-of-the-tests';
  readonly phoneNumberId = '106540352242922';
  readonly calls = new Map<string, Call>();
  /** Requests to the Graph API, in order. */
  readonly acts: string[] = [];
  /** Actions that are refused. */
  readonly refused = new Set<string>();
  /** URL of the webhook. */
  webhookUrl = '';
  private readonly validate: ValidateFunction;
  private readonly server: Server;

  private constructor() {
    super();
    this.validate = new Ajv().compile(CALLS_SCHEMA);
    this.server = createServer((request, response) => void this.serve(request, response));
  }

  static async start(): Promise<FakeMeta> {
    const fake = new FakeMeta();
    fake.server.listen(0, '127.0.0.1');
    await once(fake.server, 'listening');
    return fake;
  }

  get apiUrl(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/v23.0`;
  }

  /** Someone calls, and is connected once the call is picked up. @param from the caller's number */
  async call(callId: string, from = '15550001'): Promise<WebRtcClient> {
    const { port } = this.server.address() as AddressInfo;
    const offerUrl = `http://127.0.0.1:${port}/phone/${callId}/${from}`;
    return WebRtcClient.connect({ offerUrl, soundOnly: true });
  }

  /** Tells the webhook that a call rings, as Meta does. */
  ring(callId: string, offer: string, from = '15550001') {
    const session = { sdp: offer, sdp_type: 'offer' };
    return this.tell(this.about(callId, { from, event: 'connect', session }));
  }

  /** The caller hangs up. */
  hangUp(callId: string) {
    this.calls.get(callId)!.state = 'over';
    return this.tell(this.about(callId, { event: 'terminate', status: 'COMPLETED', duration: 3 }));
  }

  /** Meta's webhook of a call. */
  about(callId: string, more: object, phoneNumberId = this.phoneNumberId): object {
    const metadata = { display_phone_number: '15550002', phone_number_id: phoneNumberId };
    const call = {
      id: callId,
      from: '15550001',
      to: '15550002',
      timestamp: '1762216151',
      direction: 'USER_INITIATED',
      ...more,
    };
    const value = { messaging_product: 'whatsapp', metadata, calls: [call] };
    return {
      object: 'whatsapp_business_account',
      entry: [{ id: '366634483210360', changes: [{ field: 'calls', value }] }],
    };
  }

  /** Sends a signed webhook. */
  async tell(payload: unknown, signedWith = this.appSecret) {
    const body = JSON.stringify(payload);
    const hmac = createHmac('sha256', signedWith).update(body).digest('hex');
    const response = await fetch(this.webhookUrl, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-hub-signature-256': `sha256=${hmac}` },
      body,
    });
    return { status: response.status, json: (await response.json()) as Record<string, unknown> };
  }

  /** Resolves once this was asked of the Graph API, now or before. */
  async asked(act: string): Promise<void> {
    while (!this.acts.includes(act)) await once(this, 'act');
  }

  reset(): void {
    this.calls.clear();
    this.acts.length = 0;
    this.refused.clear();
  }

  async close(): Promise<void> {
    this.server.close();
    this.server.closeAllConnections();
    await once(this.server, 'close');
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = JSON.parse((await textOf(request)) || '{}') as Record<string, unknown>;
    const reply = (status: number, answer: unknown): void => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(answer));
    };
    const [, phone, callId, from] = request.url!.split('/');
    if (phone === 'phone') {
      await this.onPhone(callId!, from!, body.sdp as string, reply);
      return;
    }
    const refuse = (status: number, message: string): void =>
      reply(status, { error: { message, type: 'OAuthException', code: 100, fbtrace_id: 'x' } });
    if (request.headers.authorization !== `Bearer ${this.token}`) return refuse(401, 'Bad token');
    if (request.method === 'GET' && request.url === `/v23.0/${this.phoneNumberId}`) {
      return reply(200, { id: this.phoneNumberId });
    }
    if (request.method !== 'POST' || request.url !== `/v23.0/${this.phoneNumberId}/calls`) {
      return refuse(404, 'Unsupported request');
    }
    if (!this.validate(body)) return refuse(400, JSON.stringify(this.validate.errors));
    this.act(body as unknown as Act, reply, refuse);
  }

  /** A caller's offer goes to the webhook, and what it is answered with back. */
  private async onPhone(
    callId: string,
    from: string,
    offer: string,
    reply: (status: number, answer: unknown) => void,
  ): Promise<void> {
    const call: Call = { offer, state: 'ringing', answer: undefined };
    this.calls.set(callId, call);
    const { status, json } = await this.ring(callId, offer, from);
    if (call.state === 'accept') reply(200, { sdp: call.answer, type: 'answer', pc_id: callId });
    else reply(400, { status, json, state: call.state });
  }

  private act(
    { action, call_id, session }: Act,
    reply: (status: number, answer: unknown) => void,
    refuse: (status: number, message: string) => void,
  ): void {
    const call = this.calls.get(call_id);
    const fits =
      call && ALLOWED[action]!.includes(call.state) && !(session && session.sdp === call.offer);
    this.acts.push(`${action} ${call_id}`);
    this.emit('act');
    if (!fits || this.refused.has(action)) {
      return refuse(400, `(#138000) ${action} is not possible for +15550001`);
    }
    if (session) {
      for (const [line] of session.sdp.matchAll(/^a=fingerprint:.*$/gm)) {
        if (!line.startsWith('a=fingerprint:sha-256 ')) return refuse(400, 'Bad fingerprint');
      }
    }
    call.state = action === 'reject' || action === 'terminate' ? 'over' : action;
    call.answer = session?.sdp;
    reply(200, { messaging_product: 'whatsapp', success: true });
  }
}
