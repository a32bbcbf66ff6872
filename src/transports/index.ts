import type { DynamicModule } from '@nestjs/common';
import { DailyModule } from './daily/daily.module.js';
import { impliedTransport } from './transport-registry.js';
import { LiveKitModule } from './livekit/livekit.module.js';
import { SmallWebRtcModule } from './small-webrtc/small-webrtc.module.js';
import { TelephonyModule } from './telephony/telephony.module.js';
import { VonageVideoModule } from './vonage/vonage-video.module.js';
import { WebSocketModule } from './websocket/websocket.module.js';
import { WhatsAppModule } from './whatsapp/whatsapp.module.js';

/** Modules of all built-in transports, one line each. */
export const TRANSPORTS = [
  SmallWebRtcModule,
  WebSocketModule,
  TelephonyModule,
  DailyModule,
  LiveKitModule,
  VonageVideoModule,
  WhatsAppModule,
] as const;

/**
 * Configures the transports from Pipecat's environment variables, for `RunnerModule.forRoot({ transports })`.
 *
 * @param env usually `process.env`
 */
export function transportsFromEnv(env: NodeJS.ProcessEnv): DynamicModule[] {
  return TRANSPORTS.flatMap((module) => module.fromEnv(env) ?? []).map(impliedTransport);
}
