import type { DynamicModule } from '@nestjs/common';
import { CARRIERS } from '../transports/telephony/carriers/index.js';
import { TelephonyModule } from '../transports/telephony/telephony.module.js';
import { transportsFromEnv } from '../transports/index.js';
import type { Flags } from './flags.js';

const CARRIER_NAMES: readonly string[] = CARRIERS.map(({ name }) => name);

/** What `-t` accepts. */
export const TRANSPORT_NAMES: readonly string[] = ['websocket', ...CARRIER_NAMES];

/** The transports of the standalone runner. With `-t <carrier>` that carrier's webhook is at `POST /`. */
export function standaloneTransports(flags: Flags, env: NodeJS.ProcessEnv): DynamicModule[] {
  const { transport } = flags;
  const telephony =
    transport !== undefined && CARRIER_NAMES.includes(transport)
      ? TelephonyModule.forRoot({ webhookPath: '', carrier: transport })
      : undefined;
  return transportsFromEnv(env).map((module) =>
    telephony && module.module === TelephonyModule ? telephony : module,
  );
}
