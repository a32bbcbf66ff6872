import type { DynamicModule } from '@nestjs/common';
import { DailyModule } from '../transports/daily/daily.module.js';
import { SmallWebRtcModule } from '../transports/small-webrtc/small-webrtc.module.js';
import { CARRIERS } from '../transports/telephony/carriers/index.js';
import { TelephonyModule } from '../transports/telephony/telephony.module.js';
import { transportsFromEnv } from '../transports/index.js';
import type { Flags } from './flags.js';

const CARRIER_NAMES: readonly string[] = CARRIERS.map(({ name }) => name);

/** What `-t` accepts. */
export const TRANSPORT_NAMES: readonly string[] = [
  'webrtc',
  'websocket',
  'daily',
  'livekit',
  ...CARRIER_NAMES,
];

/** The transports of the standalone runner. With `-t <carrier>` that carrier's webhook is at `POST /`. */
export function standaloneTransports(flags: Flags, env: NodeJS.ProcessEnv): DynamicModule[] {
  const { transport, dialin, iceServers, esp32, host } = flags;
  const webRtc = { iceServers, ...(esp32 && { esp32Host: host }) };
  const adjusted = new Map<unknown, DynamicModule>([
    [DailyModule, DailyModule.fromEnv(env, { dialin })],
    [SmallWebRtcModule, SmallWebRtcModule.fromEnv(env, webRtc)],
  ]);
  if (transport !== undefined && CARRIER_NAMES.includes(transport)) {
    adjusted.set(
      TelephonyModule,
      TelephonyModule.fromEnv(env, { webhookPath: '', carrier: transport })!,
    );
  }
  return transportsFromEnv(env).map((module) => adjusted.get(module.module) ?? module);
}
