import type { CallTarget } from '../../../calls/call-target.js';
import type { JsonMessage } from '../../../media/serializers/json-message.js';

/** A request to a carrier's REST API. */
export interface ApiRequest {
  readonly method: 'POST' | 'DELETE';
  readonly path: string;
  readonly form?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** A document for carriers that fetch it: the URL at which this runner answers with it. @throws {RunnerError} `NO_PUBLIC_URL` */
export type DocumentUrl = (xml: string) => string;

/** A call that is to be put through. */
export interface ApiTransfer {
  readonly callId: string;
  readonly target: CallTarget;
  /** The number that is shown there, in E.164. */
  readonly callerId: string | undefined;
  readonly urlOf: DocumentUrl;
}

/** A call that is to be placed. */
export interface ApiCall {
  readonly to: CallTarget;
  readonly from: CallTarget;
  /** The XML that connects it to the media WebSocket. */
  readonly xml: string;
  readonly urlOf: DocumentUrl;
  /** The longest ringing, in whole seconds. */
  readonly ringTimeoutSeconds: number;
  /** Further fields of the host's, in the carrier's own words. */
  readonly extra: Readonly<Record<string, string | number | boolean>>;
}

/** The part of a carrier's REST API that places, transfers and ends calls. */
export interface CallApi {
  readonly baseUrl: string;
  /** The `Authorization` header. */
  readonly authorization: string;
  /** The key or password in it, which must not be shown. */
  readonly secret: string;
  /** The request that ends a call. @param callId the `call_id` of its `call_data` */
  endCall(callId: string): ApiRequest;
  /** Whether a refusal only says that the call is over. */
  isOver(status: number, answer: unknown): boolean;
  /** The request that puts a call through. @throws {RunnerError} when something is not configured that it takes */
  transferCall(transfer: ApiTransfer): ApiRequest;
  /** The request that places a call. @throws {RunnerError} when something is not configured that it takes */
  placeCall(call: ApiCall): ApiRequest;
  /** The id of the call in what that is answered, where it is there. */
  placedCallId(answer: unknown): string | undefined;
  /** The request that takes back a call that still rings. @default endCall */
  cancelCall?(callId: string): ApiRequest;
}

/** HTTP's basic authentication. */
export const basicAuth = (user: string, password: string): string =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;

/** The answer of an API as an object, whatever it is. */
export const objectOf = (answer: unknown): JsonMessage =>
  typeof answer === 'object' && answer !== null ? { ...answer } : {};
