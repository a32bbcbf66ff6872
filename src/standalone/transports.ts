import type { DynamicModule } from '@nestjs/common';
import { DailyModule } from '../transports/daily/daily.module.js';
import { SmallWebRtcModule } from '../transports/small-webrtc/small-webrtc.module.js';
import { BUILT_IN } from '../transports/telephony/carriers/index.js';
import { TelephonyModule } from '../transports/telephony/telephony.module.js';
import { MoqModule } from '../transports/moq/moq.module.js';
import { impliedTransport } from '../transports/transport-registry.js';
import { TRANSPORTS } from '../transports/index.js';
import { WhatsAppModule } from '../transports/whatsapp/whatsapp.module.js';
import type { Flags } from './flags.js';
import { moqOptionsOf } from './moq-flags.js';

/** Names that `-t` accepts. */
export const TRANSPORT_NAMES: readonly string[] = [
  'webrtc',
  'websocket',
  'daily',
  'livekit',
  'moq',
  'vonage-video',
  ...BUILT_IN.names,
];

/** Returns the transports of the standalone runner. With `-t <carrier>`, that carrier's webhook is at `POST /`. */
export function standaloneTransports(flags: Flags, env: NodeJS.ProcessEnv): DynamicModule[] {
  const { transport, dialin, iceServers, esp32, host, whatsapp } = flags;
  const webRtc = {
    iceServers,
    udpPortRange: flags.webrtcPorts,
    hostAddresses: flags.webrtcAddresses,
  };
  const smallWebRtc = { ...webRtc, ...(esp32 && { esp32Host: host }) };
  const telephony = {
    evals: true,
    unknownCallers: 'bot' as const,
    openCarriers: flags.openCarriers,
    ...(BUILT_IN.find(transport) && { webhookPath: '', carrier: transport }),
  };
  const adjusted = new Map<unknown, DynamicModule | undefined>([
    [TelephonyModule, TelephonyModule.fromEnv(env, telephony)],
    [DailyModule, DailyModule.fromEnv(env, { dialin })],
    [SmallWebRtcModule, SmallWebRtcModule.fromEnv(env, smallWebRtc)],
    [WhatsAppModule, WhatsAppModule.fromEnv(env, { required: whatsapp, webRtc })],
  ]);
  // Transports without credentials are kept, because the banner lists them.
  return TRANSPORTS.flatMap(
    (module) => (adjusted.has(module) ? adjusted.get(module) : module.fromEnv(env)) ?? [],
  )
    .concat(MoqModule.forRoot(moqOptionsOf(flags)))
    .map(impliedTransport);
}
