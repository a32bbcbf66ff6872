import type { NetworkStats } from './line.js';

/** Number of packets when they were last counted. */
interface Count {
  readonly ssrc: unknown;
  readonly received: number;
  readonly lost: number;
}

/** Reads a peer connection's statistics; loss is that since the last reading. */
export class WebRtcStats {
  private last: Count | undefined;

  /** @param peer what has the statistics, once there is a connection */
  constructor(
    private readonly peer: () => { getStats(): Promise<ReadonlyMap<string, unknown>> } | null,
  ) {}

  async read(): Promise<NetworkStats> {
    const reports = [...((await this.peer()?.getStats())?.values() ?? [])] as Report[];
    const audio = (type: string): Report | undefined =>
      reports.find((report) => report.type === type && report.kind === 'audio');
    const pair = reports.find(
      ({ type, nominated, state }) =>
        type === 'candidate-pair' && nominated && state === 'succeeded',
    );
    const inbound = audio('inbound-rtp');
    const outbound = audio('remote-inbound-rtp');
    const roundTripSeconds = pair?.currentRoundTripTime ?? outbound?.roundTripTime;
    return {
      roundTripMs: roundTripSeconds === undefined ? undefined : roundTripSeconds * 1_000,
      lossIn: inbound && this.lossSinceLast(inbound),
      lossOut: outbound?.fractionLost,
    };
  }

  private lossSinceLast({
    ssrc,
    packetsReceived = 0,
    packetsLost = 0,
  }: Report): number | undefined {
    // Another peer connection starts to count anew.
    const before = this.last?.ssrc === ssrc ? this.last : undefined;
    this.last = { ssrc, received: packetsReceived, lost: packetsLost };
    const lost = packetsLost - (before?.lost ?? 0);
    const all = lost + packetsReceived - (before?.received ?? 0);
    // Packets that were thought to be lost and came late make it negative.
    return all > 0 ? Math.max(0, lost) / all : undefined;
  }
}

/** The fields of those reports that are read here. */
interface Report {
  readonly type: string;
  readonly kind?: string;
  readonly nominated?: boolean;
  readonly state?: string;
  readonly currentRoundTripTime?: number;
  readonly roundTripTime?: number;
  readonly fractionLost?: number;
  readonly ssrc?: number;
  readonly packetsReceived?: number;
  readonly packetsLost?: number;
}
