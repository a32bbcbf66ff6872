import { DailyTransport } from '@pipecat-ai/daily-transport';
import type { Line } from './line.js';

/** A Daily room. Daily's code for calls comes from Daily, as a script and not through `eval`, which the page's policy forbids. */
export function daily(): Line {
  const transport = new DailyTransport({ dailyConfig: { avoidEval: true } });
  return {
    transport,
    connectParams: ({ dailyRoom, dailyToken }) => ({ url: dailyRoom, token: dailyToken }),
    stats: async () => {
      const { stats } = await transport.dailyCallClient.getNetworkStats();
      const latest = 'latest' in stats ? stats.latest : undefined;
      const seconds = latest?.networkRoundTripTime ?? undefined;
      return {
        roundTripMs: seconds === undefined ? undefined : seconds * 1_000,
        lossIn: latest?.audioRecvPacketLoss ?? undefined,
        lossOut: latest?.audioSendPacketLoss ?? undefined,
      };
    },
    statsNote: 'From Daily’s network statistics.',
  };
}
