import 'reflect-metadata';
// Transports that are available in other processes; a peer connection stays in the process of its module.
import './transports/livekit/livekit.media.js';
import './transports/telephony/telephony.media.js';
import './transports/websocket/websocket.media.js';

// The bot and its session.
export { BotLauncher, BotSession, type SessionRequestHandler } from './bot/bot-launcher.js';
export { FileStorage, type FileUpload } from './bot/file-storage.js';
export { MediaUnavailableError, SessionEnd, type SessionEndCode } from './bot/session-end.js';
export type { RunnerLog } from './errors/runner-logger.js';
export { type InvalidField, InvalidFieldsError } from './validation/invalid-fields.error.js';

// The arguments, by transport.
export { CallData } from './bot/call-data.js';
export { type Init, RunnerArguments } from './bot/runner-arguments.js';
export { WireClass } from './bot/wire-classes.js';
export { runnerArgumentsFromJSON } from './bot/runner-arguments-json.js';
export { DailyRunnerArguments } from './transports/daily/dto/daily-runner-arguments.dto.js';
export { DailyDialinRequest, DialinSettings } from './transports/daily/dto/dialin.dto.js';
export { EvalRunnerArguments } from './transports/eval/dto/eval-runner-arguments.dto.js';
export {
  LiveKitRunnerArguments,
  sipCallData,
} from './transports/livekit/dto/livekit-runner-arguments.dto.js';
export { MOQRunnerArguments } from './transports/moq/dto/moq-runner-arguments.dto.js';
export { SmallWebRTCRunnerArguments } from './transports/small-webrtc/dto/small-webrtc-runner-arguments.dto.js';
export { ExotelCallData } from './transports/telephony/carriers/exotel/exotel.carrier.js';
export { TelnyxCallData } from './transports/telephony/carriers/telnyx/telnyx.carrier.js';
export { VonageRunnerArguments } from './transports/vonage/dto/vonage-runner-arguments.dto.js';
export type { UpgradeRequest } from './websocket/upgrade-request.js';
export { WebSocketRunnerArguments } from './websocket/websocket-runner-arguments.js';

// The media.
export type { BufferedEmitter } from './media/buffered-emitter.js';
export type { MediaInput } from './media/media-input.js';
export { MediaTransport } from './media/media-transport.js';
export type {
  MarkOutcome,
  MediaState,
  MediaStats,
  MediaTransportEvents,
  PlayedMark,
} from './media/media-transport.events.js';
export type { MediaTransportOptions } from './media/media-transport.options.js';
export type { OutgoingAudio, SendOutcome } from './media/paced-output.js';
export { type AudioFrame, bytesFromPcm, pcmFromBytes } from './media/pcm.js';
export type { Playback } from './media/playback-position.js';
export { Resampler } from './media/resampler/resampler.js';
export { createTransport, type CreateTransportOptions } from './transports/create-transport.js';
export {
  parseTelephonyWebSocket,
  type TelephonyHandshake,
  TelephonyHandshakeError,
} from './transports/telephony/parse-telephony-websocket.js';

// RTVI.
export type { A11yNode, A11ySnapshot } from './rtvi/a11y-snapshot.js';
export { ClientMessageError } from './rtvi/client-message.error.js';
export { ClientReady } from './rtvi/dto/client-ready.dto.js';
export { FunctionCallResult } from './rtvi/dto/function-call-result.dto.js';
export { RtviFile, RtviFileSource, SendFile, SendFileOptions } from './rtvi/dto/send-file.dto.js';
export { SendText, SendTextOptions } from './rtvi/dto/send-text.dto.js';
export { UiCancelJobGroup, UiEvent, UiSnapshot } from './rtvi/dto/ui-messages.dto.js';
export { type CallFunctionOptions, FunctionCallError } from './rtvi/function-calls.js';
export type {
  BotCapabilities,
  BotOutput,
  BotOutputText,
  RtviMetric,
  RtviOutgoing,
  RtviTranscription,
  SearchResponse,
  UiJobGroup,
  UserInput,
} from './rtvi/rtvi-messages.js';
export {
  type ClientMessage,
  type ClientMessageHandler,
  type RtviEvents,
  RtviSession,
  type RtviSessionOptions,
} from './rtvi/rtvi-session.js';

// The media of a transport of one's own.
export type {
  HangUpOutcome,
  MediaConnection,
  MediaConnectionEvents,
  MediaEnd,
  TransferOptions,
  TransferOutcome,
} from './media/media-connection.js';
export type {
  InboundMedia,
  MediaCapabilities,
  MediaSerializer,
  MediaTranscription,
  OutputFormat,
  WireMessage,
} from './media/serializers/media-serializer.js';
export { type AudioCodec, L16 } from './media/codecs/audio-codec.js';
export { ALAW, MULAW } from './media/codecs/g711.js';
export { type JsonMessage, parseJsonMessage } from './media/serializers/json-message.js';
export type { SocketResponder } from './websocket/runner-web-socket.js';
export { SocketMediaConnection, type SocketMediaOptions } from './media/socket-media-connection.js';
export {
  type MediaConnectionContext,
  type MediaConnectionFactory,
  type MediaConnectionOptions,
  mediaConnections,
  type MediaConnections,
} from './transports/media-connections.js';

// A carrier of one's own.
export type {
  ApiCall,
  ApiRequest,
  ApiTransfer,
  CallApi,
  Carrier,
  CarrierWebhook,
  WebhookAnswer,
  WebhookAnswerInput,
} from './transports/telephony/carriers/carrier.js';
export {
  JsonCarrierSerializer,
  type JsonCarrierFormat,
} from './transports/telephony/carriers/json-carrier.serializer.js';
export type { ReceivedRequest } from './transports/telephony/carriers/received-request.js';

// The tracks of a peer connection.
export type { OutgoingRtp, RtpPacket } from './media/rtp/rtp-packet.js';
export type { OutgoingVideo, VideoCodec } from './media/rtp/video-payload.js';
export type { VideoFrame } from './media/rtp/video-receiver.js';
export type { SmallWebRTCConnection } from './transports/small-webrtc/small-webrtc-connection.js';
export type {
  ConnectionState,
  SmallWebRTCConnectionEvents,
} from './transports/small-webrtc/small-webrtc-connection.events.js';
export type * from './transports/small-webrtc/peer/peer.js';
export type { WebRtcAnswer } from './transports/small-webrtc/dto/webrtc-answer.dto.js';
export type { AudioTrack, VideoTrack } from './transports/small-webrtc/tracks.js';

// The messages of a process that is no Node bot.
export type { BotMessage, RunnerMessage, StartMessage } from './process/bot-messages.js';
