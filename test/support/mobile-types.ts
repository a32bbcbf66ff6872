import {
  boolean,
  type Decoder,
  double,
  element,
  exactly,
  int,
  list,
  object,
  oneOf,
  optional,
  string,
  swiftValue,
} from './decoders.js';

// Types that Pipecat's clients decode, from their sources.

const iceServers = list(
  object({ urls: list(string), username: optional(string), credential: optional(string) }),
);
const startWebRtc = object({
  sessionId: string,
  iceConfig: optional(object({ iceServers })),
});

/** pipecat-client-ios-small-webrtc @ ec380646b4f6e1cc50bcdf610c60103f49304bf5, Sources/PipecatClientIOSSmallWebrtc/types/ */
export const iosSmallWebRtc = {
  /** SmallWebRTCStartBotResult.swift, IceConfig.swift */
  start: startWebRtc,
  /** SessionDescription.swift */
  answer: object({
    sdp: string,
    pc_id: optional(string),
    type: oneOf('offer', 'prAnswer', 'answer', 'rollback'),
    restart_pc: optional(boolean),
  }),
  /** SignallingMessage.swift, in the envelope that SmallWebRTCTransport.swift reads as a `Value` */
  signalling: object({
    type: oneOf('signalling'),
    message: object({ type: oneOf('renegotiate', 'peerLeft') }),
  }),
};

/** pipecat-client-android-transports @ ae78600cf084cf8559c6c6e9061ed828134b4340, pipecat-client-android-small-webrtc-transport/ */
export const androidSmallWebRtc = {
  /** SmallWebRTCStartBotResult.kt, IceConfig.kt */
  start: startWebRtc,
  /** OfferResponseBody.kt */
  answer: object({ sdp: string, type: string, pc_id: string }),
  /** SignallingEvent.kt */
  signalling: object({ type: string, message: object({ type: string }) }),
};

/** pipecat-client-ios-daily @ 2c7e362568e574e04ca6f5e7224e523dfd10c4f4, util/DailyTransportConnectionParams.swift, by the keys of `/start` */
export const iosDaily = { start: object({ dailyRoom: string, dailyToken: optional(string) }) };

/** pipecat-client-android-transports, pipecat-client-android-daily/, DailyTransportAuthBundle.kt: without a room it throws */
export const androidDaily = {
  start: object({
    room_url: optional(string),
    token: optional(string),
    dailyRoom: string,
    dailyToken: optional(string),
  }),
};

/** `@pipecat-ai/websocket-transport` 1.7.1, `_validateConnectionParams` */
export const webSocket = { start: exactly({ wsUrl: string, token: optionalNotNull(string) }) };

/** A field that may be absent, but not `null`. */
function optionalNotNull<T>(decoder: Decoder<T>): Decoder<T | undefined> {
  return (value, at) => (value === undefined ? undefined : decoder(value, at));
}

const text = object({ text: string });
const metric = object({ processor: string, value: double });
const spokenProgress = object({ accumulated_text: string, remaining_text: string });
const botOutput = {
  text: string,
  spoken: optional(boolean),
  will_be_spoken: optional(boolean),
  spoken_status: optional(oneOf('new', 'in-progress', 'completed')),
  spoken_progress: optional(spokenProgress),
  segment_id: optional(int),
};
const searchResponse = object({
  search_entry_point: optional(object({ rendered_content: optional(string) })),
  grounding_chunks: optional(list(object({}))),
  grounding_supports: optional(list(object({}))),
  web_search_queries: optional(list(string)),
});
const nothing: Decoder<unknown> = (value) => value;

/**
 * pipecat-client-ios @ ebf07b85ed99bfec27ae579c5b56430ec88eafdf, Sources/PipecatClientIOS/: the envelope of transport/RTVIMessageInbound.swift, and the
 * `data` of each type that PipecatClient.swift decodes. It unwraps the data of those by force: without data, or with a `null` in it, the
 * app crashes.
 */
export const iosMessages: Record<string, Decoder<unknown>> = {
  'bot-ready': object({ version: string, about: optional(swiftValue) }),
  'server-response': object({ t: string, d: optional(swiftValue) }),
  'error-response': object({ error: string }),
  error: object({ error: string, fatal: optional(boolean) }),
  'user-transcription': object({
    text: string,
    final: optional(boolean),
    timestamp: optional(string),
    user_id: optional(string),
  }),
  'bot-transcription': text,
  'bot-llm-text': text,
  'bot-tts-text': text,
  'server-message': swiftValue,
  metrics: object({
    processing: optional(list(metric)),
    ttfb: optional(list(metric)),
    characters: optional(list(metric)),
  }),
  'bot-output': object({ ...botOutput, aggregated_by: oneOf('word', 'sentence') }),
  'llm-function-call': object({ function_name: string, tool_call_id: string, args: swiftValue }),
  'bot-llm-search-response': searchResponse,
};
export const iosMessage = object({
  id: optional(string),
  label: oneOf('rtvi-ai'),
  type: string,
  data: optional(swiftValue),
});

/** pipecat-client-android @ 49139ba8f93f4af09f2c9d554a562474fcec94a8, transport/MsgServerToClient.kt, types/, and PipecatClient.kt */
export const androidMessages: Record<string, Decoder<unknown>> = {
  'bot-ready': object({ version: string, about: nothing }),
  'server-response': element,
  'error-response': object({ error: string }),
  error: object({ error: string }),
  'user-transcription': object({
    text: string,
    final: boolean,
    timestamp: optional(string),
    user_id: optional(string),
  }),
  'bot-transcription': text,
  'bot-llm-text': text,
  'bot-tts-text': text,
  'server-message': element,
  metrics: object({ processing: optional(list(metric)), ttfb: optional(list(metric)) }),
  'bot-output': object({ ...botOutput, aggregated_by: string }),
  'llm-function-call': object({ function_name: string, tool_call_id: string, args: element }),
  'bot-llm-search-response': searchResponse,
};
export const androidMessage = object({
  id: optional(string),
  label: string,
  type: string,
  data: nothing,
});

/** `@pipecat-ai/client-js` 1.13.1 shows `info ?? detail`, and hangs on a body that is no JSON. */
export const webError = object({ detail: string });
