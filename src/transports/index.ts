import type { DynamicModule } from '@nestjs/common';
import { dailyLink } from './daily/daily.link.js';
import { DailyModule } from './daily/daily.module.js';
import { impliedTransport } from './implied-transport.js';
import type { MediaConnectionFactory } from './media-connection-factory.js';
import { liveKitLink } from './livekit/livekit.link.js';
import { LiveKitModule } from './livekit/livekit.module.js';
import { smallWebRtcLink } from './small-webrtc/small-webrtc.link.js';
import { SmallWebRtcModule } from './small-webrtc/small-webrtc.module.js';
import { telephonyLink } from './telephony/telephony.link.js';
import { TelephonyModule } from './telephony/telephony.module.js';
import { webSocketLink } from './websocket/websocket.link.js';
import { WebSocketModule } from './websocket/websocket.module.js';
import { WhatsAppModule } from './whatsapp/whatsapp.module.js';

/** What there is to know of a transport: its module, and how its media are reached. */
interface Transport {
  readonly module: { fromEnv(env: NodeJS.ProcessEnv): DynamicModule | undefined };
  readonly link: MediaConnectionFactory;
}

/** Every transport there is, one line each. */
export const TRANSPORTS: readonly Transport[] = [
  { module: SmallWebRtcModule, link: smallWebRtcLink },
  { module: WebSocketModule, link: webSocketLink },
  { module: TelephonyModule, link: telephonyLink },
  { module: DailyModule, link: dailyLink },
  { module: LiveKitModule, link: liveKitLink },
  { module: WhatsAppModule, link: smallWebRtcLink },
];

/**
 * The transports that Pipecat's environment variables imply, for `RunnerModule.forRoot({ transports })`.
 *
 * @param env usually `process.env`
 */
export function transportsFromEnv(env: NodeJS.ProcessEnv): DynamicModule[] {
  return TRANSPORTS.flatMap(({ module }) => module.fromEnv(env) ?? []).map(impliedTransport);
}
