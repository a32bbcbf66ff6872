import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Census } from '../faults/fault-host.js';
import { Random } from '../faults/random.js';
import { FakeCarrierApi } from '../support/fake-carrier-api.js';
import { FakeDaily } from '../support/fake-daily.js';
import { LIVEKIT_SERVER, LiveKitTestServer } from '../support/livekit-server.js';
import { missingOf, type ToolName } from '../support/tools.js';
import { NotConnectedError } from '../support/webrtc-client.js';
import { callsFor, LIMITED, type SoakCall, type SoakWorld } from './calls.js';
import { differences } from './differences.js';
import { type Kept, keptBetween } from './kept.js';
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
  /** In the second half. */
  readonly kept: Kept;
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
/** Wait until what was there at the start is all that is there again: longer than Fastify keeps an idle connection, which is 72 s. */
const SETTLE_TIMEOUT_MS = 90_000;
const SETTLE_MS = 500;
/** Time in which nothing changes before the start: connections that were kept for later have timed out by then. */
const CALM_MS = 6_000;
/** Share of sessions whose client may give up before it is connected. */
const MOST_GIVEN_UP = 0.01;
/** Ended sessions that may be in memory: `sessionHistory` of each runner, and the last request of each connection. */
const MOST_HELD_SESSIONS = 100;

/** Course of a soak. */
export interface SoakPlan {
  readonly minutes: number;
  /** Calls at once. */
  readonly calls: number;
  /** Words of the kinds and ends of calls that are made; all without. */
  readonly only: string;
}

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

  /** @throws when there are no such calls */
  async run({ minutes, calls, only }: SoakPlan): Promise<SoakResult> {
    const named = ({ kind, end }: SoakCall): boolean => `${kind}: ${end}`.includes(only);
    const [kinds, limited] = [callsFor(this.settings).filter(named), LIMITED.filter(named)];
    const each = [...new Map([...kinds, ...limited].map((call) => [call.kind, call])).values()];
    if (each.length === 0) throw new Error(`There are no calls with "${only}" in kind and end.`);
    await this.callers(WARM_UP_CALLS, () => each.shift());
    const before = await this.settled();

    const { ended } = await this.measure(false);
    const lapMs = Math.max(LEAST_LAP_MS, (minutes * 60_000) / LAPS);
    const end = performance.now() + minutes * 60_000;
    const laps = async (until: number): Promise<void> => {
      while (performance.now() < until) {
        await this.lap(Math.min(lapMs, until - performance.now()), calls, kinds, limited);
      }
    };
    await laps(end - minutes * 30_000);
    const middle = await this.snapshot('middle');
    await laps(end);
    const after = await this.settled(before);
    const kept = await this.keptSince(middle);
    // Not among the others: the census before it holds the event loop.
    const last = await this.host.sample();
    return this.judge(before, after, last, { minutes, calls, ended, kept });
  }

  async close(): Promise<void> {
    this.host.kill('SIGTERM');
    const late = setTimeout(() => this.host.kill('SIGKILL'), 10_000);
    await this.host.exit;
    clearTimeout(late);
    await Promise.all([this.daily.close(), this.carrierApi.close(), this.livekit?.kill()]);
  }

  /** Calls for a while, and then nobody for a moment. */
  private async lap(
    lapMs: number,
    calls: number,
    kinds: readonly SoakCall[],
    limited: readonly SoakCall[],
  ): Promise<void> {
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
      ...(kinds.length > 0
        ? [this.callers(calls - 1, () => (going() ? this.deal(kinds) : undefined))]
        : []),
      ...(limited.length > 0
        ? [this.callers(1, () => (going() ? this.random.pick(limited) : undefined))]
        : []),
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

  private async snapshot(name: string): Promise<{ file: string; ended: number }> {
    const file = join(this.settings.uploads, `${name}.heapsnapshot`);
    await this.host.snapshot(file);
    return { file, ended: (await this.host.sample()).ended };
  }

  private async keptSince(before: { file: string; ended: number }): Promise<Kept> {
    const after = await this.snapshot('end');
    const kept = keptBetween(before.file, after.file, after.ended - before.ended);
    for (const { file } of [before, after]) rmSync(file);
    return kept;
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
    { minutes, calls, ended, kept }: { minutes: number; calls: number; ended: number; kept: Kept },
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
      ...(!growth || isFlat(growth, kept)
        ? []
        : [
            `the second half kept ${kept.bytes} bytes of ${kept.sessions} sessions (${FLAT_BYTES} of each are flat), ` +
              `most in ${kept.most.map(([name, bytes]) => `${name}: ${bytes}`).join(', ')}; ` +
              `the heap grew by ${(100 * growth.share).toFixed(1)} %`,
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
      kept,
      // The first was taken after everything was loaded.
      lagP99Ms: Math.max(...this.samples.slice(1).map(({ lagP99Ms }) => lagP99Ms)),
      samples: this.samples,
    };
  }
}
