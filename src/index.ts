export { Access, runnerAccess, startsSession } from './auth/access.decorator.js';
export { type AuthRequest, type Principal, principalOf, RunnerAuth } from './auth/runner-auth.js';
export { BotLauncher, BotSession } from './bot/bot-launcher.js';
export { FileStorage, type FileUpload } from './bot/file-storage.js';
export { SessionEnd, type SessionEndCode } from './bot/session-end.js';
export { CallData } from './bot/call-data.js';
export {
  CallLimitError,
  CallLimits,
  type CallReservation,
  type PlannedCall,
  type PlannedTransfer,
} from './calls/call-limits.js';
export {
  type AcceptedCall,
  type CallDecision,
  CallRefusedError,
  CallRouter,
  type IncomingCall,
} from './calls/call-router.js';
export { InMemoryCallLimits, type TenantCallLimits } from './calls/in-memory-call-limits.js';
export { RunnerArguments } from './bot/runner-arguments.js';
export { MediaTransport } from './media/media-transport.js';
export { DownloadsModule } from './downloads/downloads.module.js';
export { OpenApiModule } from './openapi/openapi.module.js';
export { RunnerHealth } from './health/runner-health.js';
export { MetricsModule } from './metrics/metrics.module.js';
export { ApiRoute } from './http/api-route.decorator.js';
export type { HttpRequest } from './http/http-request.js';
export { RunnerController } from './http/runner-controller.decorator.js';
export { ProviderError } from './http/provider-error.js';
export { ProcessBotLauncher } from './process/process-bot-launcher.js';
export type { ProcessBotOptions } from './process/process-bot.options.js';
export { RunnerError, type RunnerErrorCode } from './errors/runner.error.js';
export { InvalidFieldsError } from './validation/invalid-fields.error.js';
export { RunnerModule } from './runner.module.js';
export type { Provided, RunnerModuleExtras } from './runner-module.options.js';
export { getRunnerToken, InjectRunner, Runner } from './runner/runner.js';
export type { RunnerOptions } from './runner.options.js';
export { InvalidOptionsError } from './validation/options.js';
export type { SessionObserver } from './sessions/session-observers.js';
export { type RefusalRecord, SessionHooks, type SessionRecord } from './sessions/session-hooks.js';
export { RunnerDrain } from './sessions/runner-drain.js';
export { RunnerReadiness } from './sessions/runner-readiness.js';
export { SessionTokens } from './sessions/session-token.js';
export { SessionRegistry } from './sessions/session-registry.js';
export type { Session } from './sessions/session.js';
export { FolderFileStorage } from './uploads/folder-file-storage.js';
export { TracingModule } from './tracing/tracing.module.js';
export { StartRequest } from './start/dto/start-request.dto.js';
export { RunnerTransport, type StartContext } from './transports/runner-transport.js';
export { SessionStarter, type StartSessionOptions } from './transports/session-starter.js';
export { TransportRegistry } from './transports/transport-registry.js';
export { transportsFromEnv } from './transports/index.js';
export { createTransport } from './transports/create-transport.js';
export { DailyModule } from './transports/daily/daily.module.js';
export type { DailyOptions } from './transports/daily/daily.options.js';
export { DailyClient } from './transports/daily/daily-client.js';
export { DailyRunnerArguments } from './transports/daily/dto/daily-runner-arguments.dto.js';
export { LiveKitModule } from './transports/livekit/livekit.module.js';
export type { LiveKitOptions } from './transports/livekit/livekit.options.js';
export { LiveKitRunnerArguments } from './transports/livekit/dto/livekit-runner-arguments.dto.js';
export { MoqModule } from './transports/moq/moq.module.js';
export { SmallWebRTCRunnerArguments } from './transports/small-webrtc/dto/small-webrtc-runner-arguments.dto.js';
export { SmallWebRtcModule } from './transports/small-webrtc/small-webrtc.module.js';
export type { SmallWebRtcOptions } from './transports/small-webrtc/small-webrtc.options.js';
export { callerParameters } from './transports/telephony/carriers/call-parameters.js';
export { type OutboundCallOptions, OutboundCalls } from './transports/telephony/outbound-calls.js';
export { TelephonyModule } from './transports/telephony/telephony.module.js';
export type { TelephonyOptions } from './transports/telephony/telephony.options.js';
export { VonageVideoModule } from './transports/vonage/vonage-video.module.js';
export { WebSocketModule } from './transports/websocket/websocket.module.js';
export { WhatsAppModule } from './transports/whatsapp/whatsapp.module.js';
export { RunnerGateway, SocketGateway } from './websocket/socket-gateway.js';
export { RunnerWebSocket } from './websocket/runner-web-socket.js';
export { SocketSessions } from './websocket/socket-sessions.js';
export { WebSocketRunnerArguments } from './websocket/websocket-runner-arguments.js';
export { DailyDialinRequest, DialinSettings } from './transports/daily/dto/dialin.dto.js';
export { MOQRunnerArguments } from './transports/moq/dto/moq-runner-arguments.dto.js';
export { ExotelCallData } from './transports/telephony/carriers/exotel/exotel.carrier.js';
export { TelnyxCallData } from './transports/telephony/carriers/telnyx/telnyx.carrier.js';
export { VonageRunnerArguments } from './transports/vonage/dto/vonage-runner-arguments.dto.js';
export { RtviSession } from './rtvi/rtvi-session.js';
export { mediaConnections } from './transports/media-connections.js';
