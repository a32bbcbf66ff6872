import type { CallTarget } from '../../../calls/call-target.js';
import type { JsonMessage } from '../../../media/serializers/json-message.js';

/** A request to a carrier's REST API. */
export interface ApiRequest {
  readonly method: 'POST' | 'DELETE';
  readonly path: string;
  readonly form?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** Stores a document for carriers that fetch it, and returns its URL on this runner. @throws {RunnerError} `NO_PUBLIC_URL` */
export type DocumentUrl = (xml: string) => string;

/** A call transfer. */
export interface ApiTransfer {
  readonly callId: string;
  readonly target: CallTarget;
  /** Caller ID, in E.164. */
  readonly callerId: string | undefined;
  readonly urlOf: DocumentUrl;
}

/** An outbound call. */
export interface ApiCall {
  readonly to: CallTarget;
  readonly from: CallTarget;
  /** XML that connects the call to the media WebSocket. */
  readonly xml: string;
  readonly urlOf: DocumentUrl;
  /** Ring timeout, in whole seconds. */
  readonly ringTimeoutSeconds: number;
  /** Additional fields from the host, named as in the carrier's API. */
  readonly extra: Readonly<Record<string, string | number | boolean>>;
}

/** Request builder for a carrier's REST API: places, transfers and ends calls. */
export interface CallApi {
  readonly baseUrl: string;
  /** `Authorization` header. */
  readonly authorization: string;
  /** Secret in the header, redacted from logs and errors. */
  readonly secret: string;
  /** Builds the request that ends a call. @param callId the `call_id` of its `call_data` */
  endCall(callId: string): ApiRequest;
  /** True for an error answer which means that the call has ended. */
  isOver(status: number, answer: unknown): boolean;
  /** Builds the request that transfers a call. @throws {RunnerError} when configuration is missing */
  transferCall(transfer: ApiTransfer): ApiRequest;
  /** Builds the request that places a call. @throws {RunnerError} when configuration is missing */
  placeCall(call: ApiCall): ApiRequest;
  /** Returns the call id from the answer to {@link placeCall}, if present. */
  placedCallId(answer: unknown): string | undefined;
  /** Builds the request that cancels a ringing call. @default endCall */
  cancelCall?(callId: string): ApiRequest;
}

/** HTTP basic authentication header. */
export const basicAuth = (user: string, password: string): string =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;

/** Returns an API answer as an object; an empty one for anything else. */
export const objectOf = (answer: unknown): JsonMessage =>
  typeof answer === 'object' && answer !== null ? { ...answer } : {};
