import { setTimeout as sleep } from 'node:timers/promises';
import { speech } from '../support/sound.js';
import type { BotRunner } from './runners.js';
import type { StandIns } from './stand-ins.js';
import { ANSWER_HZ, GREETING_HZ, hasTone } from './tones.js';
import { isRoom, ROOMS, visit, type Visitor, type Way } from './visitors.js';

/** Stages of a conversation, in this order. */
const STEPS = ['nothing', 'connected', 'greeted', 'heard', 'answered', 'ended'] as const;

/** Result of a conversation. */
export interface Outcome {
  readonly reached: (typeof STEPS)[number] | 'joined';
  readonly problem?: string;
}

/** Rank of an outcome: the higher, the further; 0 for none. */
export const rankOf = ({ reached }: Outcome): number =>
  reached === 'joined' ? STEPS.length : STEPS.indexOf(reached);

const PATIENCE_MS = 30_000;
/** Patience for the bot's end: a client whose goodbye is lost is missed by ICE after half a minute. */
const END_PATIENCE_MS = 60_000;
/** 100 ms of silence. */
const SILENCE = new Int16Array(800);
/** Daily's transport says so when the bot asks Daily's library to join. */
const JOINING = /Joining https?:\/\/\S+/;

/** Talks with a bot: it greets, hears, answers, and leaves when its caller does. */
export async function converse(runner: BotRunner, services: StandIns, way: Way): Promise<Outcome> {
  if (isRoom(way)) return join(runner, way);
  services.hasHeard = false;
  let reached: Outcome['reached'] = 'nothing';
  let visitor: Visitor | undefined;
  let line: Line | undefined;
  try {
    visitor = await visit(runner.url, way);
    const { heard, speak, leave } = visitor;
    const hears = (hz: number) => () => {
      const { pcm, rateHz } = heard();
      return hasTone(pcm, rateHz, hz);
    };
    reached = 'connected';
    line = new Line(speak);
    await until(hears(GREETING_HZ), 'greeting');
    reached = 'greeted';
    line.say(speech(3));
    await until(() => services.hasHeard, 'speech at the stand-in');
    reached = 'heard';
    await until(hears(ANSWER_HZ), 'answer');
    reached = 'answered';
    await line.end();
    await leave();
    visitor = undefined;
    await until(() => services.connections === 0, 'end of the bot', END_PATIENCE_MS);
    return { reached: 'ended' };
  } catch (error) {
    return { reached, problem: error instanceof Error ? error.message : String(error) };
  } finally {
    await line?.end();
    await visitor?.leave().catch(() => undefined);
  }
}

/** A line that is never still, as microphones and carriers are not: silence where nothing is said. */
class Line {
  private next: Int16Array | undefined;
  private isOver = false;
  private readonly spoken: Promise<void>;

  constructor(speak: Visitor['speak']) {
    this.spoken = this.run(speak);
    // It is awaited at its end.
    this.spoken.catch(() => undefined);
  }

  say(pcm: Int16Array): void {
    this.next = pcm;
  }

  async end(): Promise<void> {
    this.isOver = true;
    await this.spoken.catch(() => undefined);
  }

  private async run(speak: Visitor['speak']): Promise<void> {
    while (!this.isOver) {
      const pcm = this.next ?? SILENCE;
      this.next = undefined;
      await speak(pcm);
    }
  }
}

async function join(runner: BotRunner, way: keyof typeof ROOMS): Promise<Outcome> {
  const before = runner.output.length;
  try {
    await ROOMS[way](runner.url);
    await until(() => JOINING.test(runner.output.slice(before)), 'bot that joins');
    return { reached: 'joined' };
  } catch (error) {
    return { reached: 'nothing', problem: error instanceof Error ? error.message : String(error) };
  }
}

async function until(
  condition: () => boolean,
  what: string,
  patienceMs = PATIENCE_MS,
): Promise<void> {
  const deadline = Date.now() + patienceMs;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`no ${what} in ${patienceMs / 1_000} s`);
    await sleep(50);
  }
}
