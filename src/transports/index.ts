import type { DynamicModule } from '@nestjs/common';
import { DailyModule } from './daily/daily.module.js';
import { LiveKitModule } from './livekit/livekit.module.js';
import { TelephonyModule } from './telephony/telephony.module.js';
import { WebSocketModule } from './websocket/websocket.module.js';

/** Every transport there is, one line each. */
const TRANSPORT_MODULES = [WebSocketModule, TelephonyModule, DailyModule, LiveKitModule];

/**
 * The transports that Pipecat's environment variables imply, for `RunnerModule.forRoot({ transports })`.
 *
 * @param env usually `process.env`
 */
export function transportsFromEnv(env: NodeJS.ProcessEnv): DynamicModule[] {
  return TRANSPORT_MODULES.flatMap((module) => module.fromEnv(env) ?? []);
}
