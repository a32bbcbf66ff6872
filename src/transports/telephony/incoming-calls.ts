import { isInstance } from '../../errors/thrown.js';
import { Inject, Injectable } from '@nestjs/common';
import { CallRefusedError } from '../../calls/call-refused.error.js';
import {
  CallRouting,
  inboundCall,
  type KnownCall,
  sessionOfCall,
} from '../../calls/call-routing.js';
import { RunnerError } from '../../errors/runner.error.js';
import { type HttpRequest, queryOf } from '../../http/http-request.js';
import { bodyOf } from '../../http/runner-request.js';
import { textIn } from '../../media/serializers/json-message.js';
import { SessionRegistry } from '../../sessions/session-registry.js';
import { InvalidFieldsError } from '../../validation/invalid-fields.error.js';
import { TransportRegistry } from '../transport-registry.js';
import { CarrierApis } from './carrier-apis.js';
import type { Carrier, WebhookAnswer, WebhookAnswerInput } from './carriers/carrier.js';
import { XML, xmlDocument } from './carriers/xml.js';
import { TELEPHONY_OPTIONS } from './telephony-options.token.js';
import type { ResolvedTelephonyOptions, WebhookFields } from './telephony.options.js';
import { TelephonyTransport } from './telephony.transport.js';
import { WebhookVerifier } from './webhook-verifier.js';

/** The longest that the session of a call waits for the carrier to connect it, which takes a second, in milliseconds. */
const CONNECT_TIMEOUT_MS = 60_000;

/** Reasons for which a call cannot be taken just now: the caller is told that all lines are busy. */
const BUSY_CODES: readonly string[] = ['AT_CAPACITY', 'OVERLOADED', 'DRAINING', 'NO_DECISION'];

/** Answers the carriers' webhooks for calls that come in. */
@Injectable()
export class IncomingCalls {
  constructor(
    @Inject(TELEPHONY_OPTIONS) private readonly options: ResolvedTelephonyOptions,
    private readonly transport: TelephonyTransport,
    private readonly transports: TransportRegistry,
    private readonly verifier: WebhookVerifier,
    private readonly routing: CallRouting,
    private readonly apis: CarrierApis,
    private readonly sessions: SessionRegistry,
  ) {}

  /**
   * Returns the carrier's instructions for the call.
   * @throws {RunnerError} `UNAUTHORIZED`, `INVALID_FIELDS`, or `NO_BOT`
   */
  async answer(carrier: Carrier, request: HttpRequest): Promise<WebhookAnswer> {
    const call = knownCall(carrier, request);
    try {
      const keys = carrier.webhook && (await this.routing.webhookKeys(call));
      this.verifier.verify(carrier, request, keys);
      this.transports.require(carrier.name);
      const fields = fieldsOf(request);
      const full = carrier.webhook && this.sessions.refusal();
      if (full) {
        const { name: transport } = carrier;
        throw this.sessions.observers.refused(full, { transport, call: inboundCall(call) });
      }
      return await this.connect(carrier, call, fields, request);
    } catch (error) {
      const answer = this.refusal(carrier, error);
      if (!answer) throw error;
      return answer;
    }
  }

  private async connect(
    carrier: Carrier,
    call: KnownCall,
    fields: WebhookFields,
    request: HttpRequest,
  ): Promise<WebhookAnswer> {
    // Without a webhook it is the host that asks where the WebSocket is.
    const isRouted = this.routing.isOn && carrier.webhook !== undefined;
    const accepted = isRouted ? await this.routing.route(call, this.apis.decisionChecks) : {};
    const { customParameters: given } = this.options;
    // Before there is a session, for it may throw.
    const customParameters = typeof given === 'function' ? given(fields, carrier.name) : given;
    const connected = (wsUrl: string): WebhookAnswer =>
      webhookAnswer(carrier, {
        wsUrl,
        customParameters: textsIn({ ...customParameters, ...accepted.customParameters }),
        formats: this.options,
      });
    if (!isRouted && !this.transport.needsTokens) {
      return connected(this.transport.webhookUrl(request));
    }
    return this.sessions.start(
      {
        ...sessionOfCall(accepted),
        transport: carrier.name,
        call: inboundCall(call),
        connectTimeoutMs: CONNECT_TIMEOUT_MS,
      },
      (session) => {
        session.context.credentials = accepted.credentials;
        return connected(this.transport.webhookUrl(request, session));
      },
    );
  }

  /** To an HTTP error the carrier would say its own "an application error has occurred". */
  private refusal({ name, webhook }: Carrier, error: unknown): WebhookAnswer | undefined {
    if (!webhook) return undefined;
    const { busyXml, refusalXml } = webhook;
    if (isInstance(error, CallRefusedError)) {
      const { refusal } = error;
      return xmlAnswer(
        typeof refusal === 'string' ? refusalXml[refusal] : refusalXml.say(refusal.say),
      );
    }
    if (!isInstance(error, RunnerError) || !BUSY_CODES.includes(error.code)) return undefined;
    return xmlAnswer(this.options.busyXml[name] ?? busyXml);
  }
}

/** The answer of a carrier's webhook that takes the call; where a carrier has none, it says where the WebSocket is entered. */
export function webhookAnswer(
  { name, webhook, urlSetting = 'the settings of the carrier' }: Carrier,
  input: WebhookAnswerInput,
): WebhookAnswer {
  if (webhook) return { contentType: XML, body: webhook.connectXml(input) };
  const body = {
    error: `There is no webhook of ${name}.`,
    websocket_url: input.wsUrl,
    note: `Enter this WebSocket URL in ${urlSetting}.`,
  };
  return { contentType: 'application/json; charset=utf-8', body: JSON.stringify(body) };
}

const xmlAnswer = (root: string): WebhookAnswer => ({ contentType: XML, body: xmlDocument(root) });

/** The call of a webhook, before anything in it can be believed. */
function knownCall({ name, webhook }: Carrier, request: HttpRequest): KnownCall {
  const body = bodyOf(request, {});
  const fields = isFields(body) ? body : {};
  return {
    transport: name,
    stage: 'webhook',
    from: textIn(fields, 'From'),
    to: textIn(fields, 'To'),
    callId: webhook && textIn(fields, webhook.callIdField),
    fields,
    query: queryOf(request),
  };
}

function fieldsOf(request: HttpRequest): WebhookFields {
  const body = bodyOf(request);
  if (isFields(body)) return body;
  throw new InvalidFieldsError([
    { field: '', message: 'The webhook must be a form or a JSON object.' },
  ]);
}

const isFields = (body: unknown): body is WebhookFields =>
  typeof body === 'object' && body !== null && !Array.isArray(body);

/** Whoever sends the webhook may send something else where a text is due, and it is passed on. */
const textsIn = (parameters: Record<string, unknown>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(parameters).filter(
      (entry): entry is [string, string] => typeof entry[1] === 'string',
    ),
  );
