import { isInstance } from '../../errors/thrown.js';
import { Inject, Injectable } from '@nestjs/common';
import { type Principal, RunnerAuth } from '../../auth/runner-auth.js';
import { CallRefusedError } from '../../calls/call-router.js';
import {
  CallRouting,
  inboundCall,
  type KnownCall,
  sessionOfCall,
} from '../../calls/call-routing.js';
import { RunnerError } from '../../errors/runner.error.js';
import { Fleet } from '../../fleet/fleet.js';
import type { RunnerRequest } from '../../http/runner-request.js';
import { textIn } from '../../media/serializers/json-message.js';
import { SessionRegistry } from '../../sessions/session-registry.js';
import { InvalidFieldsError } from '../../validation/invalid-fields.error.js';
import { isObject } from '../../validation/is-object.js';
import { TransportRegistry } from '../transport-registry.js';
import { asNew, CallResumption, RESUMED, type ResumedCall } from './call-resumption.js';
import { CarrierAccess } from './carrier-access.js';
import { CarrierApis } from './carrier-apis.js';
import type { Carrier, WebhookAnswer, WebhookAnswerInput } from './carriers/carrier.js';
import { XML, xmlDocument } from './carriers/xml.js';
import { TELEPHONY_OPTIONS } from './telephony-options.token.js';
import type { ResolvedTelephonyOptions, WebhookFields } from './telephony.options.js';
import { TelephonyTransport } from './telephony.transport.js';
import { WebhookVerifier } from './webhook-verifier.js';

/** Timeout for the carrier to connect the media WebSocket after the webhook, in milliseconds. It usually takes 1 s. */
const CONNECT_TIMEOUT_MS = 60_000;

/** Errors that are answered with the busy document. */
const BUSY_CODES: readonly string[] = ['AT_CAPACITY', 'OVERLOADED', 'DRAINING', 'NO_DECISION'];

/** Answers the carriers' webhooks for incoming calls. */
@Injectable()
export class IncomingCalls {
  constructor(
    @Inject(TELEPHONY_OPTIONS) private readonly options: ResolvedTelephonyOptions,
    private readonly transport: TelephonyTransport,
    private readonly transports: TransportRegistry,
    private readonly verifier: WebhookVerifier,
    private readonly access: CarrierAccess,
    private readonly auth: RunnerAuth,
    private readonly routing: CallRouting,
    private readonly apis: CarrierApis,
    private readonly sessions: SessionRegistry,
    private readonly resumption: CallResumption,
    private readonly fleet: Fleet,
  ) {}

  /**
   * Answers a webhook with the carrier's instructions for the call.
   * @throws {RunnerError} `UNAUTHORIZED`, `INVALID_FIELDS`, or `NO_BOT`
   */
  async answer(carrier: Carrier, request: RunnerRequest): Promise<WebhookAnswer> {
    const call = knownCall(carrier, request);
    try {
      const keys = carrier.webhook && (await this.routing.webhookKeys(call));
      const delivery = this.verifier.verify(carrier, request, keys);
      this.transports.require(carrier.name);
      const fields = fieldsOf(request);
      const accept = () => this.accept(carrier, call, fields, request);
      return await (delivery === undefined ? accept() : this.fleet.once(delivery, accept));
    } catch (error) {
      const answer = this.refusal(carrier, error);
      if (!answer) throw error;
      return answer;
    }
  }

  private async accept(
    carrier: Carrier,
    call: KnownCall,
    fields: WebhookFields,
    request: RunnerRequest,
  ): Promise<WebhookAnswer> {
    const resumed = await this.resumption.of(carrier, call);
    if (resumed?.isOver) return xmlAnswer(carrier.webhook!.resume!.endXml);
    const full = carrier.webhook && this.sessions.refusal();
    if (full) {
      const { name: transport } = carrier;
      throw this.sessions.observers.refused(full, { transport, call: inboundCall(call) });
    }
    return this.connect(carrier, resumed ? call : asNew(call), fields, request, resumed);
  }

  private async connect(
    carrier: Carrier,
    call: KnownCall,
    fields: WebhookFields,
    request: RunnerRequest,
    resumed: ResumedCall | undefined,
  ): Promise<WebhookAnswer> {
    // A carrier without a webhook is not routed here: the host itself requests the URL of the WebSocket.
    const isRouted = this.routing.isOn && carrier.webhook !== undefined;
    const accepted =
      resumed?.accepted ??
      (isRouted ? await this.routing.route(call, this.apis.decisionChecks) : {});
    const needsToken = this.access.needsToken(carrier.name);
    const principal = carrier.webhook || !needsToken ? undefined : await this.starterOf(request);
    const { customParameters: given } = this.options;
    // Called before the session is opened, since it may throw.
    const customParameters = typeof given === 'function' ? given(fields, carrier.name) : given;
    const connected = (wsUrl: string, resumeUrl?: string): WebhookAnswer =>
      webhookAnswer(carrier, {
        wsUrl,
        customParameters: textsIn({
          ...customParameters,
          ...accepted.customParameters,
          [RESUMED]: resumed?.sessionId,
        }),
        formats: this.options,
        resumeUrl,
      });
    if (!isRouted && !needsToken && !this.resumption.isOn(carrier)) {
      return connected(this.transport.webhookUrl(request));
    }
    return this.sessions.start(
      {
        principal,
        ...sessionOfCall(accepted),
        transport: carrier.name,
        call: inboundCall(call),
        connectTimeoutMs: CONNECT_TIMEOUT_MS,
        credentials: accepted.credentials,
        customParameters: accepted.customParameters,
      },
      (session) =>
        connected(
          this.transport.webhookUrl(request, session),
          this.resumption.urlAfter(session, carrier, request, resumed !== undefined),
        ),
    );
  }

  /**
   * Returns the principal of a request for a token that no signature protects, which takes a key as `POST /start` does.
   * @throws {RunnerError} `UNAUTHORIZED`
   */
  private async starterOf({ http: request }: RunnerRequest): Promise<Principal> {
    const asked = { access: 'start', request, sessionId: undefined } as const;
    const principal = await this.auth.authorize(asked);
    if (principal) return principal;
    throw new RunnerError(
      'UNAUTHORIZED',
      'The URL has a token here, so a key is needed: send it as "Authorization: Bearer <key>".',
    );
  }

  /** Refuses a call with a document, since carriers play their own error message for an HTTP error. */
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

/** Builds the answer that accepts a call. For a carrier without a webhook it names the URL of the WebSocket and its setting. */
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

/** Returns the call of a webhook, before its signature is verified. */
function knownCall({ name, webhook }: Carrier, request: RunnerRequest): KnownCall {
  const body = request.bodyOr({});
  const fields = isObject(body) ? body : {};
  return {
    transport: name,
    stage: 'webhook',
    from: textIn(fields, 'From'),
    to: textIn(fields, 'To'),
    callId: webhook && textIn(fields, webhook.callIdField),
    fields,
    query: request.query,
  };
}

function fieldsOf({ body }: RunnerRequest): WebhookFields {
  if (isObject(body)) return body;
  throw new InvalidFieldsError([
    { field: '', message: 'The webhook must be a form or a JSON object.' },
  ]);
}

/** Keeps text parameters only; the webhook is untrusted input. */
const textsIn = (parameters: Record<string, unknown>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(parameters).filter(
      (entry): entry is [string, string] => typeof entry[1] === 'string',
    ),
  );
