import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { PacedOutput, type PacedOutputOptions, type SendOutcome } from './paced-output.js';

/** 20 ms of samples that count up, so that gaps and swaps show. */
const frame = (start: number, samples = 160): Int16Array =>
  Int16Array.from({ length: samples }, (_, i) => start + i);

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

function setUp(options: Partial<PacedOutputOptions> = {}) {
  const written: { atMs: number; samples: number[] }[] = [];
  const startMs = performance.now();
  let congested = false;
  const output = new PacedOutput({
    sampleRateHz: 8_000,
    chunkSamples: 160,
    aheadMs: 100,
    maxQueueMs: 10_000,
    write: (chunk) => {
      if (congested) return false;
      written.push({ atMs: performance.now() - startMs, samples: [...chunk] });
      return true;
    },
    onFailure: (thrown) => {
      throw thrown;
    },
    ...options,
  });
  return {
    output,
    written,
    all: () => written.flatMap(({ samples }) => samples),
    times: () => written.map(({ atMs }) => Math.round(atMs)),
    congest: (value: boolean) => (congested = value),
  };
}

const speech = (output: PacedOutput, pcm: Int16Array) => output.send({ pcm, sampleRateHz: 8_000 });

/** Returns the current result of a promise. */
async function soFar<T>(promise: Promise<T>): Promise<T | 'waiting'> {
  return Promise.race([promise, Promise.resolve().then(() => 'waiting' as const)]);
}

describe('PacedOutput', () => {
  it('reports what writing throws from a timer', async () => {
    const boom = new Error('boom');
    const failures: unknown[] = [];
    let written = 0;
    const { output } = setUp({
      write: () => {
        if (++written > 5) throw boom;
        return true;
      },
      onFailure: (thrown) => failures.push(thrown),
    });
    void speech(output, frame(0, 1_600));
    await jest.advanceTimersByTimeAsync(100);
    expect(failures).toEqual([boom]);
  });

  it.each([
    ['chunkSamples', 0],
    ['chunkSamples', NaN],
    ['sampleRateHz', -1],
    ['sampleRateHz', 8_000.5],
  ])('refuses a format that it could write without an end: %s %d', (name, value) => {
    expect(() => setUp({ [name]: value })).toThrow(`output.${name} must be a whole number`);
  });

  it('leaves no timer when writing ends it', async () => {
    const { output } = setUp({
      write: () => {
        output.end();
        return false;
      },
    });
    await speech(output, frame(0));
    expect(jest.getTimerCount()).toBe(0);
  });

  it('writes audio at once when it arrives in real time', async () => {
    const { output, times, all } = setUp();
    for (let i = 0; i < 10; i++) {
      expect(await soFar(speech(output, frame(i * 160)))).toBe('sent');
      await jest.advanceTimersByTimeAsync(20);
    }
    expect(times()).toEqual(Array.from({ length: 10 }, (_, i) => i * 20));
    expect(all()).toEqual([...frame(0, 1_600)]);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('paces audio that arrives faster than real time', async () => {
    const { output, times, all } = setUp();
    const outcome = speech(output, frame(0, 8_000));
    expect(times()).toEqual([0, 0, 0, 0, 0]);
    expect(await soFar(outcome)).toBe('waiting');
    await jest.advanceTimersByTimeAsync(200);
    expect(times().slice(5)).toEqual(Array.from({ length: 10 }, (_, i) => 1 + i * 20));
    await jest.advanceTimersByTimeAsync(800);
    expect(await soFar(outcome)).toBe('sent');
    expect(all()).toEqual([...frame(0, 8_000)]);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('fills chunks from frames of any size and sample rate', async () => {
    const { output, written } = setUp();
    for (let i = 0; i < 30; i++) {
      void output.send({ pcm: new Int16Array(441).fill(1_000), sampleRateHz: 44_100 });
      await jest.advanceTimersByTimeAsync(10);
    }
    expect(written).toHaveLength(15);
    expect(written.every(({ samples }) => samples.length === 160)).toBe(true);
    expect(written.at(-1)!.samples.every((sample) => Math.abs(sample - 1_000) < 3)).toBe(true);
  });

  it('downmixes channels to mono', () => {
    const { output, all } = setUp();
    const pcm = Int16Array.from({ length: 320 }, (_, i) => (i % 2 ? 300 : 100));
    void output.send({ pcm, sampleRateHz: 8_000, channels: 2 });
    expect(all()).toEqual(new Array(160).fill(200));
  });

  it('pads an incomplete chunk with silence after a time-out', async () => {
    const { output, times, all } = setUp();
    expect(await soFar(speech(output, frame(1, 100)))).toBe('sent');
    await jest.advanceTimersByTimeAsync(40);
    void speech(output, frame(101, 40));
    await jest.advanceTimersByTimeAsync(59);
    expect(times()).toEqual([]);
    await jest.advanceTimersByTimeAsync(2);
    expect(all()).toEqual([...frame(1, 140), ...new Array<number>(20).fill(0)]);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('pads no chunk with silence before it is due', async () => {
    const { output, all } = setUp();
    // A second and half a chunk each, when 50 ms are left to be heard.
    for (let i = 0; i < 5; i++) {
      void speech(output, frame(1, 8_080));
      await jest.advanceTimersByTimeAsync(i === 0 ? 960 : 1_010);
    }
    await jest.advanceTimersByTimeAsync(1_000);
    const said = Array.from({ length: 5 }, () => [...frame(1, 8_080)]).flat();
    expect(all().slice(0, said.length)).toEqual(said);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('collects large chunks for Exotel', async () => {
    const { output, times, all } = setUp({ chunkSamples: 1_600 });
    for (let i = 0; i < 25; i++) {
      void speech(output, frame(i * 160));
      await jest.advanceTimersByTimeAsync(20);
    }
    expect(times()).toEqual([180, 380]);
    await jest.advanceTimersByTimeAsync(200);
    expect(times()).toHaveLength(3);
    expect(all().slice(0, 4_000)).toEqual([...frame(0, 4_000)]);
  });

  it('clear() drops queued audio and reports it as cleared', async () => {
    const { output, times } = setUp();
    const outcomes = [0, 1, 2].map((i) => speech(output, frame(i * 1_600, 1_600)));
    await jest.advanceTimersByTimeAsync(120);
    output.clear();
    expect(await Promise.all(outcomes)).toEqual(['sent', 'cleared', 'cleared']);
    const before = times().length;
    await jest.advanceTimersByTimeAsync(1_000);
    expect(times()).toHaveLength(before);
    expect(jest.getTimerCount()).toBe(0);
    void speech(output, frame(0));
    expect(times()).toHaveLength(before + 1);
  });

  it('refuses audio over the buffer limit', async () => {
    const { output } = setUp({ maxQueueMs: 200 });
    const outcomes = Array.from({ length: 40 }, (_, i) => speech(output, frame(i)));
    await jest.advanceTimersByTimeAsync(2_000);
    const counts: Partial<Record<SendOutcome, number>> = {};
    for (const outcome of await Promise.all(outcomes)) counts[outcome] = (counts[outcome] ?? 0) + 1;
    expect(counts).toEqual({ sent: 15, overflow: 25 });
  });

  it('counts tiny frames as 1 ms against the buffer limit', async () => {
    const { output } = setUp({ maxQueueMs: 1_000 });
    const outcomes = Array.from({ length: 3_000 }, () => speech(output, frame(0, 1)));
    output.clear();
    expect(await outcomes.at(-1)).toBe('overflow');
  });

  it('counts tiny frames no more once they are written', async () => {
    const { output } = setUp({ maxQueueMs: 10 });
    for (let i = 0; i < 100; i++) {
      expect(await soFar(speech(output, frame(i, 1)))).toBe('sent');
    }
  });

  it('writes what follows clear() at once, however much was sent ahead before', async () => {
    const { output, times } = setUp();
    void speech(output, frame(0, 8_000));
    await jest.advanceTimersByTimeAsync(10);
    output.clear();
    void speech(output, frame(0));
    expect(times().at(-1)).toBe(10);
  });

  it('continues with the next frame when the bot transferred the memory of one', async () => {
    const { output, all } = setUp();
    const away = frame(1, 1_600);
    const outcome = speech(output, away);
    const next = speech(output, frame(1, 160));
    structuredClone(away, { transfer: [away.buffer as ArrayBuffer] });
    await jest.advanceTimersByTimeAsync(1_000);
    expect([await soFar(outcome), await soFar(next)]).toEqual(['sent', 'sent']);
    expect(all().slice(-160)).toEqual([...frame(1, 160)]);
    expect(output.isFull).toBe(false);
  });

  it('retries chunks that the connection refuses under backpressure', async () => {
    const { output, congest, all } = setUp();
    congest(true);
    const outcome = speech(output, frame(0, 480));
    await jest.advanceTimersByTimeAsync(500);
    expect(all()).toEqual([]);
    congest(false);
    await jest.advanceTimersByTimeAsync(100);
    expect(await soFar(outcome)).toBe('sent');
    expect(all()).toEqual([...frame(0, 480)]);
  });

  it('refuses more than 1,000 marks under backpressure, until they are settled', async () => {
    const { output, congest } = setUp();
    congest(true);
    void speech(output, frame(0, 1_600));
    const outcomes: SendOutcome[] = [];
    const mark = () => output.mark((outcome) => outcomes.push(outcome));
    for (let i = 0; i < 1_003; i++) mark();
    expect(outcomes).toEqual(['overflow', 'overflow', 'overflow']);
    congest(false);
    await jest.advanceTimersByTimeAsync(300);
    mark();
    expect(outcomes.slice(3)).toEqual(Array<SendOutcome>(1_001).fill('sent'));
  });

  it('takes constant time per frame of a long queue', async () => {
    const { output, congest } = setUp({ maxQueueMs: 200_000 });
    congest(true);
    for (let i = 0; i < 200_000; i++) void speech(output, frame(i, 2));
    const before = process.cpuUsage();
    congest(false);
    await jest.advanceTimersByTimeAsync(20_000);
    expect(process.cpuUsage(before).user / 1_000).toBeLessThan(2_000);
  });

  it('settles marks between the frames they were set between', async () => {
    const { output, written } = setUp();
    const passed: [string, number][] = [];
    const mark = (name: string) => output.mark(() => passed.push([name, written.length]));
    mark('nothing before');
    void speech(output, frame(0, 1_600));
    mark('after ten');
    void speech(output, frame(0, 100));
    mark('within a chunk');
    void speech(output, frame(0, 60));
    await jest.advanceTimersByTimeAsync(1_000);
    expect(passed).toEqual([
      ['nothing before', 0],
      ['after ten', 10],
      ['within a chunk', 11],
    ]);
  });

  it('settles all audio and marks when it ends', async () => {
    const { output } = setUp();
    const audio = speech(output, frame(0, 16_000));
    const marks: SendOutcome[] = [];
    output.mark((outcome) => marks.push(outcome));
    output.end();
    output.mark((outcome) => marks.push(outcome));
    expect(await audio).toBe('disconnected');
    await speech(output, frame(0));
    expect(marks).toEqual(['disconnected', 'disconnected']);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('resets the resampler between separate sounds', async () => {
    const { output, written } = setUp();
    void output.send({ pcm: new Int16Array(320).fill(20_000), sampleRateHz: 16_000 });
    await jest.advanceTimersByTimeAsync(500);
    void output.send({ pcm: new Int16Array(320), sampleRateHz: 16_000 });
    expect(written[1]!.samples).toEqual(new Array(160).fill(0));
  });
});
