export { Access } from './auth/access.decorator.js';
export { type AccessKind, runnerAccess, startsSession } from './auth/access.js';
export { principalOf } from './auth/principal.js';
export { type AuthRequest, type Principal, RunnerAuth } from './auth/runner-auth.js';
export type { RunnerKey } from './auth/runner-key.js';
export { BotLauncher } from './bot/bot-launcher.js';
export { BotSession, type SessionRequestHandler } from './bot/bot-session.js';
export { SessionEnd, type SessionEndCode } from './bot/session-end.js';
export { CallData } from './bot/call-data.js';
export { CallLimitError, type CallLimitKind } from './calls/call-limit.error.js';
export {
  CallLimits,
  type CallReservation,
  type PlannedCall,
  type PlannedTransfer,
} from './calls/call-limits.js';
export {
  type AcceptedCall,
  type CallDecision,
  type CallRefusal,
  CallRouter,
  type IncomingCall,
  type RefusedCall,
} from './calls/call-router.js';
export { CallRefusedError } from './calls/call-refused.error.js';
export {
  InMemoryCallLimits,
  type InMemoryCallLimitsOptions,
  type TenantCallLimits,
  type TenantLimitsSource,
} from './calls/in-memory-call-limits.js';
export { RunnerArguments } from './bot/runner-arguments.js';
export { runnerArgumentsFromJSON } from './bot/runner-arguments-json.js';
export type { AudioFrame } from './media/audio-frame.js';
export type {
  HangUpOutcome,
  MediaEnd,
  TransferOptions,
  TransferOutcome,
} from './media/media-connection.js';
export {
  type MarkOutcome,
  type MediaState,
  type MediaStats,
  MediaTransport,
  type MediaTransportEvents,
} from './media/media-transport.js';
export type { MediaTransportOptions } from './media/media-transport.options.js';
export { MediaUnavailableError } from './media/media-unavailable.error.js';
export type { OutgoingAudio, SendOutcome } from './media/paced-output.js';
export { bytesFromPcm, pcmFromBytes } from './media/pcm.js';
export { Resampler } from './media/resampler/resampler.js';
export type {
  MediaCapabilities,
  MediaTranscription,
} from './media/serializers/media-serializer.js';
export { ClientMessageError } from './rtvi/client-message.error.js';
export { ClientReady } from './rtvi/dto/client-ready.dto.js';
export { SendText, SendTextOptions } from './rtvi/dto/send-text.dto.js';
export type { BotOutput, RtviMetric, RtviOutgoing, UiJobGroup } from './rtvi/rtvi-messages.js';
export {
  type ClientMessage,
  type ClientMessageHandler,
  type RtviEvents,
  RtviSession,
  type RtviSessionOptions,
} from './rtvi/rtvi-session.js';
export { DownloadsModule } from './downloads/downloads.module.js';
export type { DownloadsOptions } from './downloads/downloads.options.js';
export { OpenApiModule } from './openapi/openapi.module.js';
export type { OpenApiOptions } from './openapi/openapi.options.js';
export { type ReadinessCheck, RunnerHealth } from './health/runner-health.js';
export { type MetricsExtras, MetricsModule } from './metrics/metrics.module.js';
export type { MetricsOptions, MetricsRegistry } from './metrics/metrics.options.js';
export { ApiRoute, type ApiRouteOptions } from './http/api-route.decorator.js';
export type { HttpRequest } from './http/http-request.js';
export type { PublicBaseUrl } from './http/public-url.js';
export { RunnerController } from './http/runner-controller.decorator.js';
export { ProviderError } from './http/provider-error.js';
export { ProcessBotLauncher } from './process/process-bot-launcher.js';
export type {
  BotProgram,
  ProcessBotLimits,
  ProcessBotOptions,
} from './process/process-bot.options.js';
export type { BotMessage, RunnerMessage, StartMessage } from './process/bot-messages.js';
export { type RefusalCode, RunnerError, type RunnerErrorCode } from './errors/runner.error.js';
export { InvalidFieldsError } from './validation/invalid-fields.error.js';
export {
  type AuthDefinition,
  type CallLimitsDefinition,
  type CallRouterDefinition,
  type LauncherDefinition,
  RunnerModule,
  type RunnerModuleExtras,
  type SessionHooksDefinition,
} from './runner.module.js';
export { getRunnerToken, InjectRunner, Runner } from './runner/runner.js';
export { type RunnerOptions } from './runner.options.js';
export { InvalidOptionsError } from './validation/options.js';
export type {
  RefusedStart,
  SessionObserver,
  SessionObservers,
} from './sessions/session-observers.js';
export { type RefusalRecord, SessionHooks, type SessionRecord } from './sessions/session-hooks.js';
export { ListSessionsQuery, StopSessionQuery } from './sessions/dto/session-queries.dto.js';
export { SessionInfo } from './sessions/dto/session-info.dto.js';
export { RunnerDrain } from './sessions/runner-drain.js';
export { RunnerReadiness } from './sessions/runner-readiness.js';
export { SessionTokens } from './sessions/session-token.js';
export { SessionRegistry } from './sessions/session-registry.js';
export type { Session, SessionCall, SessionState } from './sessions/session.js';
export { TracingModule } from './tracing/tracing.module.js';
export { StartAnswer } from './start/dto/start-answer.dto.js';
export { StartRequest } from './start/dto/start-request.dto.js';
export {
  type BrowserSources,
  RunnerTransport,
  type StartContext,
} from './transports/runner-transport.js';
export {
  SessionStarter,
  type StartedSession,
  type StartSessionOptions,
} from './transports/session-starter.js';
export { type DisabledTransport, TransportRegistry } from './transports/transport-registry.js';
export { transportsFromEnv } from './transports/index.js';
export { createTransport, type CreateTransportOptions } from './transports/create-transport.js';
export { DailyModule } from './transports/daily/daily.module.js';
export type { DailyOptions } from './transports/daily/daily.options.js';
export { DailyClient } from './transports/daily/daily-client.js';
export { DailyMeetingTokenProperties } from './transports/daily/dto/daily-meeting-token-properties.dto.js';
export {
  DailyBucket,
  DailyPermissions,
  DailyRoomProperties,
  DailyRoomSip,
} from './transports/daily/dto/daily-room-properties.dto.js';
export { DailyRoom } from './transports/daily/dto/daily-room.dto.js';
export { DialinAnswer } from './transports/daily/dto/dialin-answer.dto.js';
export { DialinWebhook } from './transports/daily/dto/dialin-webhook.dto.js';
export { DailyDialinRequest } from './transports/daily/dto/daily-dialin-request.dto.js';
export { DailyRunnerArguments } from './transports/daily/dto/daily-runner-arguments.dto.js';
export { DialinSettings } from './transports/daily/dto/dialin-settings.dto.js';
export { EvalRunnerArguments } from './transports/eval/dto/eval-runner-arguments.dto.js';
export { LiveKitModule } from './transports/livekit/livekit.module.js';
export type { LiveKitOptions, LiveKitRoomOptions } from './transports/livekit/livekit.options.js';
export { sipCallData } from './transports/livekit/sip-call-data.js';
export { LiveKitRunnerArguments } from './transports/livekit/dto/livekit-runner-arguments.dto.js';
export { MOQRunnerArguments } from './transports/moq/dto/moq-runner-arguments.dto.js';
export { IceCandidate, IceCandidates } from './transports/small-webrtc/dto/ice-candidates.dto.js';
export { SmallWebRTCRunnerArguments } from './transports/small-webrtc/dto/small-webrtc-runner-arguments.dto.js';
export { CandidatesAnswer, WebRtcAnswer } from './transports/small-webrtc/dto/webrtc-answer.dto.js';
export { WebRtcOffer } from './transports/small-webrtc/dto/webrtc-offer.dto.js';
export type { IceServer } from './transports/small-webrtc/peer/peer.js';
export {
  type ConnectionState,
  SmallWebRTCConnection,
  type SmallWebRTCConnectionEvents,
} from './transports/small-webrtc/small-webrtc-connection.js';
export { SmallWebRtcModule } from './transports/small-webrtc/small-webrtc.module.js';
export type { SmallWebRtcOptions } from './transports/small-webrtc/small-webrtc.options.js';
export type { OutgoingRtp, RtpPacket } from './media/rtp/rtp-packet.js';
export type { VideoCodec } from './media/rtp/video-payload.js';
export type { VideoFrame } from './media/rtp/video-receiver.js';
export type { OutgoingVideo } from './media/rtp/video-sender.js';
export { AudioTrack, VideoTrack } from './transports/small-webrtc/tracks.js';
export { ExotelCallData } from './transports/telephony/dto/exotel-call-data.dto.js';
export { TelnyxCallData } from './transports/telephony/dto/telnyx-call-data.dto.js';
export {
  parseTelephonyWebSocket,
  type TelephonyHandshake,
  TelephonyHandshakeError,
} from './transports/telephony/parse-telephony-websocket.js';
export { callerParameters } from './transports/telephony/carriers/carrier.js';
export {
  type OutboundCall,
  type OutboundCallOptions,
  OutboundCalls,
} from './transports/telephony/outbound-calls.js';
export { TelephonyModule } from './transports/telephony/telephony.module.js';
export type { TelephonyCredentials } from './transports/telephony/telephony-credentials.js';
export type { WebhookKeys } from './transports/telephony/webhook-keys.js';
export type { TelephonyOptions, WebhookFields } from './transports/telephony/telephony.options.js';
export { VonageRunnerArguments } from './transports/vonage/dto/vonage-runner-arguments.dto.js';
export { WebSocketModule } from './transports/websocket/websocket.module.js';
export { WhatsAppCall, WhatsAppCallSession } from './transports/whatsapp/dto/whatsapp-call.dto.js';
export { WhatsAppModule } from './transports/whatsapp/whatsapp.module.js';
export type { WhatsAppOptions } from './transports/whatsapp/whatsapp.options.js';
export type { WebSocketOptions } from './transports/websocket/websocket.options.js';
export { type InvalidField } from './validation/invalid-fields.error.js';
export { RunnerGateway } from './websocket/runner-gateway.decorator.js';
export { RunnerWebSocket } from './websocket/runner-web-socket.js';
export { SocketGateway } from './websocket/socket-gateway.js';
export { type SocketAdmission, SocketSessions } from './websocket/socket-sessions.js';
export { WebSocketRunnerArguments } from './websocket/websocket-runner-arguments.js';
