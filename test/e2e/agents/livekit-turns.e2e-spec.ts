import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { type AgentBody, AgentHost, type HostEvent } from '../../support/agents/agent-host.js';
import type { Caller } from '../../support/agents/caller.js';
import { FakeOpenAi } from '../../support/fake-openai.js';
import { describeWith } from '../../support/needs.js';

const BOOKING = 'I would like to book a table.';
const TIME = 'Tomorrow evening at seven, please.';
const BOTH = `${BOOKING} ${TIME}`;

describeWith('espeak-ng')("turns of an agent of LiveKit's library", () => {
  let openai: FakeOpenAi;
  let host: AgentHost;
  let caller: Caller;

  beforeAll(async () => {
    openai = await FakeOpenAi.start();
    await openai.sentences.learn(BOOKING, TIME);
    openai
      .when({ user: BOTH }, { say: 'Tomorrow at seven it is.' })
      .when({ user: BOOKING }, { say: 'For when?' })
      .when({ user: TIME }, { say: 'What is at seven?' });
    host = await AgentHost.start(openai);
  });
  afterEach(async () => {
    await caller.leave();
    expect(openai.problems.splice(0)).toEqual([]);
  });
  afterAll(async () => {
    const exitMs = await host?.close();
    await openai?.close();
    expect(exitMs).toBeLessThan(2_000);
  });

  const call = async (body: AgentBody) => (caller = await host.call(body));
  const told = (meets: (event: HostEvent) => unknown) =>
    host.next((event) => event.session === caller.session && meets(event));
  const answered = () => told(({ role }) => role === 'assistant');
  const turns = () =>
    host.events
      .filter(({ session, role }) => session === caller.session && role === 'user')
      .map(({ text }) => text);

  describe("by LiveKit's model, in this process", () => {
    /** Time from the model's verdict on a sentence until its turn ends, in milliseconds. */
    async function waitedMs(unlikelyThreshold: number): Promise<number> {
      const endpointing = { minDelay: 200, maxDelay: 4_000 };
      await call({ detector: { kind: 'model', unlikelyThreshold }, turnHandling: { endpointing } });
      await caller.say(BOOKING);
      const { endOfTurn, atMs } = await told((event) => event.endOfTurn !== undefined);
      // Its own, and not the 1 that stands for no model.
      expect(endOfTurn).toBeGreaterThan(0);
      expect(endOfTurn).toBeLessThan(1);
      expect(await answered()).toMatchObject({ text: 'For when?' });
      const { atMs: endedMs } = await told(({ role }) => role === 'user');
      return endedMs! - atMs!;
    }

    it('end soon where it finds that likely', async () => {
      expect(await waitedMs(0)).toBeLessThan(3_000);
    });

    it('end later where it finds that unlikely', async () => {
      expect(await waitedMs(1)).toBeGreaterThan(3_000);
    });
  });

  it("by a detector of the application's go on over a pause, and end where it says so", async () => {
    await call({
      detector: { kind: 'words', unfinished: BOOKING },
      turnHandling: { endpointing: { minDelay: 200, maxDelay: 10_000 } },
    });
    await caller.say(BOOKING);
    await told(({ endOfTurn }) => endOfTurn === 0.1);
    await caller.say(TIME);
    await told(({ endOfTurn }) => endOfTurn === 0.9);
    expect(await answered()).toMatchObject({ text: 'Tomorrow at seven it is.' });
    expect(turns()).toEqual([BOTH]);
  });

  it('by speech-to-text end where that says so', async () => {
    await call({ turnHandling: { turnDetection: 'stt' } });
    await caller.say(BOOKING);
    expect(await answered()).toMatchObject({ text: 'For when?' });
    await caller.silence(500);
    await caller.say(TIME);
    expect(await answered()).toMatchObject({ text: 'What is at seven?' });
    expect(turns()).toEqual([BOOKING, TIME]);
  });

  it('by hand end when the bot says so, such as at a key', async () => {
    await call({ turnHandling: { turnDetection: 'manual' } });
    const heard = openai.done('/audio/transcriptions');
    await caller.say(BOOKING);
    await heard;
    const heardToo = openai.done('/audio/transcriptions');
    await caller.say(TIME);
    await heardToo;
    expect(turns()).toEqual([]);
    (caller.peer as { press(digits: string): void }).press('#');
    expect(await answered()).toMatchObject({ text: 'Tomorrow at seven it is.' });
    expect(turns()).toEqual([BOTH]);
  });
});
