import { setTimeout as sleep } from 'node:timers/promises';
import { type Census } from '../faults/fault-host.js';
import { Random } from '../faults/random.js';
import { FakeCarrierApi } from '../support/fake-carrier-api.js';
import { FakeDaily } from '../support/fake-daily.js';
import { LIVEKIT_SERVER, LiveKitTestServer } from '../support/livekit-server.js';
import { missingOf, type ToolName } from '../support/tools.js';
import { NotConnectedError } from '../support/webrtc-client.js';
import { callsFor, LIMITED, type SoakCall, type SoakWorld } from './calls.js';
import { SoakHost, type SoakSettings } from './soak-host.js';
import { FLAT_BYTES, type Growth, heapGrowth, isFlat, type Sample } from './verdict.js';

/** Outcome of a soak. */
export interface SoakResult {
  /** Everything that was wrong; none when it has passed. */
  readonly problems: readonly string[];
  readonly minutes: number;
  /** Calls at once. */
  readonly calls: number;
  readonly seed: number;
  /** Sessions that were opened after the warm-up. */
  readonly sessions: number;
  /** Tools that are missing: without them some kinds of calls are not made. */
  readonly missing: readonly ToolName[];
  /** Completed calls by kind and end. */
  readonly counts: Readonly<Record<string, number>>;
  /** WebRTC clients that gave up before they were connected, as they do on a busy machine. */
  readonly gaveUp: number;
  /** Of the heap at rest, in the second half; absent on a short soak. */
  readonly heapGrowth?: Growth;
  /** Greatest lag of the event loop, p99 of each sample, in milliseconds. */
  readonly lagP99Ms: number;
  readonly samples: readonly Sample[];
}

const LAPS = 20;
/** Calls at once while everything is loaded for the first time. */
const WARM_UP_CALLS = 3;
const LEAST_LAP_MS = 6_000;
const SAMPLE_MS = 3_000;
/** Longest pause of a caller between two calls. */
const PAUSE_MS = 300;
/** Wait until what was there at the start is all that is there again. */
const SETTLE_TIMEOUT_MS = 60_000;
const SETTLE_MS = 500;
/** How long nothing changes before the start: connections that were kept for later have timed out by then. */
const CALM_MS = 6_000;
/** Share of sessions whose client may give up before it is connected. */
const MOST_GIVEN_UP = 0.01;
/** Ended sessions that may be in memory: `sessionHistory` of each runner, and the last request of each connection. */
const MOST_HELD_SESSIONS = 100;

/** The soak: runners in a process of their own, and everybody who calls. */
export class Soak implements SoakWorld {
  dailyTurn: Promise<unknown> = Promise.resolve();
  private readonly samples: Sample[] = [];
  private readonly problems: string[] = [];
  private readonly counts: Record<string, number> = {};
  private readonly startedMs = performance.now();
  private gaveUp = 0;
  private deck: SoakCall[] = [];
  private tags = 0;

  private constructor(
    readonly random: Random,
    readonly host: SoakHost,
    readonly settings: SoakSettings,
    readonly daily: FakeDaily,
    private readonly seed: number,
    private readonly carrierApi: FakeCarrierApi,
    private readonly livekit: LiveKitTestServer | undefined,
  ) {}

  static async start(uploads: string, seed: number): Promise<Soak> {
    const [daily, carrierApi] = await Promise.all([FakeDaily.start(), FakeCarrierApi.start()]);
    const livekit = LIVEKIT_SERVER ? await LiveKitTestServer.reserve() : undefined;
    const { PIPECAT_PYTHON } = process.env;
    const settings: SoakSettings = {
      uploads,
      processes: true,
      credentials: carrierApi.credentials,
      daily: { apiKey: daily.apiKey, apiUrl: daily.apiUrl },
      ...(livekit && {
        livekit: { url: livekit.url, apiKey: livekit.apiKey, apiSecret: livekit.apiSecret },
      }),
      ...(PIPECAT_PYTHON && {
        python: { python: 'test/support/bots/echo_bot.py', pythonPath: PIPECAT_PYTHON },
      }),
    };
    const host = await SoakHost.start(settings);
    await livekit?.start(`${host.url}/livekit-webhook`);
    return new Soak(new Random(seed), host, settings, daily, seed, carrierApi, livekit);
  }

  /** Has so many calls at once for so long. */
  async run(minutes: number, calls: number): Promise<SoakResult> {
    const kinds = callsFor(this.settings);
    const each = [...new Map([...kinds, ...LIMITED].map((call) => [call.kind, call])).values()];
    await this.callers(WARM_UP_CALLS, () => each.shift());
    const before = await this.settled();

    const { ended } = await this.measure(false);
    const lapMs = Math.max(LEAST_LAP_MS, (minutes * 60_000) / LAPS);
    const end = performance.now() + minutes * 60_000;
    while (performance.now() < end)
      await this.lap(Math.min(lapMs, end - performance.now()), calls, kinds);
    const after = await this.settled(before);
    // Not among the others: the census before it holds the event loop.
    const last = await this.host.sample();
    return this.judge(before, after, last, { minutes, calls, ended });
  }

  async close(): Promise<void> {
    this.host.kill('SIGTERM');
    const late = setTimeout(() => this.host.kill('SIGKILL'), 10_000);
    await this.host.exit;
    clearTimeout(late);
    await Promise.all([this.daily.close(), this.carrierApi.close(), this.livekit?.kill()]);
  }

  /** Calls for a while, and then nobody for a moment. */
  private async lap(lapMs: number, calls: number, kinds: readonly SoakCall[]): Promise<void> {
    const over = performance.now() + lapMs;
    const going = (): boolean => performance.now() < over;
    const sampling = (async () => {
      while (going()) {
        await this.measure(false);
        await sleep(Math.min(SAMPLE_MS, Math.max(0, over - performance.now())));
      }
    })();
    await Promise.all([
      sampling,
      this.callers(calls - 1, () => (going() ? this.deal(kinds) : undefined)),
      this.callers(1, () => (going() ? this.random.pick(LIMITED) : undefined)),
    ]);
    await sleep(500);
    const { ended, heapBytes, lagMaxMs } = await this.measure(true);
    process.stderr.write(
      `${this.second} s: ${ended} sessions ended, heap ${(heapBytes / 2 ** 20).toFixed(1)} MB, longest lag ${lagMaxMs} ms\n`,
    );
  }

  /** Has so many callers take the next call until there is none. */
  private async callers(count: number, next: () => SoakCall | undefined): Promise<void> {
    const caller = async (): Promise<void> => {
      for (let call = next(); call; call = next()) {
        const name = `${call.kind}: ${call.end}`;
        const tag = `soak-${this.tags++}`;
        await call.run(this, tag).then(
          () => (this.counts[name] = (this.counts[name] ?? 0) + 1),
          (error: unknown) => {
            this.host.excuse(tag);
            if (error instanceof NotConnectedError) return void this.gaveUp++;
            const said = error instanceof Error ? error.message : String(error);
            const problem = `${this.second} s, ${name}: ${said}`;
            this.problems.push(problem);
            process.stderr.write(`${problem}\n`);
          },
        );
        await sleep(this.random.below(PAUSE_MS));
      }
    };
    await Promise.all(Array.from({ length: count }, caller));
  }

  /** Deals the kinds of calls, each as often as it weighs, before any comes again. */
  private deal(kinds: readonly SoakCall[]): SoakCall {
    if (this.deck.length === 0) {
      this.deck = kinds.flatMap((call) => Array<SoakCall>(call.weight).fill(call));
    }
    return this.deck.splice(this.random.below(this.deck.length), 1)[0]!;
  }

  private get second(): number {
    return Math.round((performance.now() - this.startedMs) / 100) / 10;
  }

  private async measure(rest: boolean): Promise<Sample> {
    const sample = { second: this.second, rest, ...(await this.host.sample()) };
    this.samples.push(sample);
    return sample;
  }

  /** Resources of the runner once nothing changes any more. @param like what it should come to */
  private async settled(like?: Census): Promise<Census> {
    const deadlineMs = performance.now() + SETTLE_TIMEOUT_MS;
    let last = await this.host.census();
    let sinceMs = performance.now();
    while (performance.now() < deadlineMs) {
      if (like ? differences(like, last).length === 0 : performance.now() > sinceMs + CALM_MS)
        break;
      await sleep(SETTLE_MS);
      const next = await this.host.census();
      if ([...differences(last, next), ...differences(next, last)].length > 0)
        sinceMs = performance.now();
      last = next;
    }
    return last;
  }

  private judge(
    before: Census,
    after: Census,
    last: Awaited<ReturnType<SoakHost['sample']>>,
    { minutes, calls, ended }: { minutes: number; calls: number; ended: number },
  ): SoakResult {
    const growth = heapGrowth(this.samples);
    const missing = missingOf(['livekit-server', 'Pipecat']);
    const problems = [
      ...(process.env.SKIPS_FAIL
        ? missing.map((tool) => `there are no calls that need ${tool}`)
        : []),
      ...this.problems,
      ...this.host.unexpected,
      ...differences(before, after),
      ...(last.opened === last.ended
        ? []
        : [`${last.opened} sessions opened, ${last.ended} ended`]),
      ...(this.gaveUp <= MOST_GIVEN_UP * last.opened
        ? []
        : [`${this.gaveUp} clients were not connected in time`]),
      ...(last.heldSessions <= MOST_HELD_SESSIONS
        ? []
        : [`${last.heldSessions} ended sessions are in memory`]),
      ...(!growth || isFlat(growth)
        ? []
        : [
            `the heap grows by ${growth.slope.toFixed(0)} bytes a session, at least ${growth.atLeast.toFixed(0)} (${FLAT_BYTES} are flat), ` +
              `in all by ${(100 * growth.share).toFixed(1)} %`,
          ]),
    ];
    return {
      problems,
      minutes,
      calls,
      seed: this.seed,
      sessions: last.ended - ended,
      missing,
      gaveUp: this.gaveUp,
      counts: this.counts,
      ...(growth && { heapGrowth: growth }),
      // The first was taken after everything was loaded.
      lagP99Ms: Math.max(...this.samples.slice(1).map(({ lagP99Ms }) => lagP99Ms)),
      samples: this.samples,
    };
  }
}

/** Kinds of resources that must be back to what they were; the processes themselves are others each time. */
const KINDS = ['timers', 'resources', 'fds', 'listeners'] as const;

/** Resources of which there are more than before. Connections that are kept for later may be fewer. */
function differences(before: Census, after: Census): string[] {
  const childrenOf = ({ children }: Census) => String(children).split(' ').filter(Boolean).length;
  return [
    ...KINDS.flatMap((kind) => {
      const [was, is] = [before, after].map((census) => census[kind] as Record<string, number>);
      return [...new Set([...Object.keys(was!), ...Object.keys(is!)])]
        .filter((name) => (is![name] ?? 0) > (was![name] ?? 0))
        .map((name) => `${kind} ${name}: ${was![name] ?? 0} before, ${is![name] ?? 0} after`);
    }),
    ...(childrenOf(after) <= childrenOf(before)
      ? []
      : [`processes: ${childrenOf(before)} before, ${childrenOf(after)} after`]),
  ];
}
