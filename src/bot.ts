import 'reflect-metadata';
// The transports that can be reached from a process of its own; WebRTC is where its module is.
import './transports/daily/daily.media.js';
import './transports/livekit/livekit.media.js';
import './transports/telephony/telephony.media.js';
import './transports/websocket/websocket.media.js';

export { BotLauncher } from './bot/bot-launcher.js';
export { BotSession, type SessionRequestHandler } from './bot/bot-session.js';
export { CallData } from './bot/call-data.js';
export { RunnerArguments } from './bot/runner-arguments.js';
export { runnerArgumentsFromJSON } from './bot/runner-arguments-json.js';
export { SessionEnd, type SessionEndCode } from './bot/session-end.js';
export { createTransport, type CreateTransportOptions } from './transports/create-transport.js';
export { DailyRunnerArguments } from './transports/daily/dto/daily-runner-arguments.dto.js';
export { DialinSettings } from './transports/daily/dto/dialin-settings.dto.js';
export { EvalRunnerArguments } from './transports/eval/dto/eval-runner-arguments.dto.js';
export { LiveKitRunnerArguments } from './transports/livekit/dto/livekit-runner-arguments.dto.js';
export { MOQRunnerArguments } from './transports/moq/dto/moq-runner-arguments.dto.js';
export { SmallWebRTCRunnerArguments } from './transports/small-webrtc/dto/small-webrtc-runner-arguments.dto.js';
export { ExotelCallData } from './transports/telephony/carriers/exotel/exotel-call-data.dto.js';
export { TelnyxCallData } from './transports/telephony/carriers/telnyx/telnyx-call-data.dto.js';
export { VonageRunnerArguments } from './transports/vonage/dto/vonage-runner-arguments.dto.js';
export { WebSocketRunnerArguments } from './websocket/websocket-runner-arguments.js';
