import { getEventListeners, once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { type AudioFrame, allocatePcm } from './pcm.js';
import { FakeMediaConnection } from '../../test/support/fake-media-connection.js';
import type { MediaEnd } from './media-connection.js';
import { MediaTransport } from './media-transport.js';
import type { MediaTransportOptions } from './media-transport.options.js';

beforeEach(() => void jest.useFakeTimers({ doNotFake: ['nextTick'] }));
afterEach(() => void jest.useRealTimers());

function setUp(
  options: MediaTransportOptions = {},
  change: (connection: FakeMediaConnection) => void = () => undefined,
) {
  const connection = new FakeMediaConnection();
  change(connection);
  const told = { warnings: [] as string[], failures: [] as unknown[], ends: [] as MediaEnd[] };
  const transport = new MediaTransport(connection, options, {
    warn: (message) => told.warnings.push(message),
    fail: (error) => told.failures.push(error),
    ended: (end) => told.ends.push(end),
  });
  return { connection, transport, told };
}

const tick = () => new Promise((resolve) => process.nextTick(resolve));

async function collect<T>(iterable: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const one of iterable) all.push(one);
  return all;
}

const silence = (ms: number) => ({ pcm: new Int16Array(ms * 8), sampleRateHz: 8_000 });

describe('received audio', () => {
  it('is resampled to the bot’s rate and keeps its timestamps', async () => {
    const { connection, transport } = setUp();
    const heard: AudioFrame[] = [];
    transport.on('audio', (frame) => heard.push(frame));
    await tick();
    connection.speak();
    connection.speak();
    connection.speak(1_000, 48_000);
    expect(heard.map(({ sampleRateHz, pcm }) => [sampleRateHz, pcm.length])).toEqual(
      new Array(3).fill([16_000, 320]),
    );
    expect(heard.map(({ timestampMs }) => timestampMs)).toEqual([0, 20, 40]);
    expect(heard[1]!.pcm.at(-1)).toBe(1_000);
  });

  it.each([
    ['as it came', 'native', 1],
    ['as it came, of several channels', 'native', 2],
    ['at another rate', 16_000, 1],
  ] as const)('has memory of its own %s', async (_, sampleRateHz, channels) => {
    const { connection, transport } = setUp({ sampleRateHz });
    const frames = transport.audioIn();
    connection.events.audio(allocatePcm(160), 8_000, channels, undefined);
    await tick();
    transport.close();
    const [frame] = await collect(frames);
    // A bot may hand it to a worker, with all that is in it.
    expect(frame!.pcm.buffer.byteLength).toBe(frame!.pcm.byteLength);
  });

  it('is available as events', async () => {
    const { connection, transport } = setUp({ sampleRateHz: 'native' });
    connection.speak(5, 24_000, 120);
    transport.close();
    expect(await collect(transport.audioIn())).toEqual([
      { pcm: new Int16Array(480).fill(5), sampleRateHz: 24_000, channels: 1, timestampMs: 120 },
    ]);
  });

  it('is buffered until the first listener or iterator is attached', async () => {
    const byEvent = setUp();
    byEvent.connection.speak();
    byEvent.connection.events.dtmf('5');
    byEvent.connection.events.message({ a: 1 });
    byEvent.connection.events.interruption();
    const seen: unknown[] = [];
    byEvent.transport
      .on('audio', () => seen.push('audio'))
      .on('dtmf', (digit) => seen.push(digit))
      .on('message', (message) => seen.push(message))
      .on('interruption', () => seen.push('interruption'))
      .on('connected', () => seen.push('connected'));
    expect(seen).toEqual([]);
    await tick();
    expect(seen).toEqual(['audio', '5', { a: 1 }, 'interruption', 'connected']);

    const byIteration = setUp();
    byIteration.connection.speak(1);
    const frames = byIteration.transport.audioIn();
    byIteration.connection.speak(2);
    await tick();
    byIteration.connection.speak(3);
    byIteration.transport.close();
    expect((await collect(frames)).map(({ timestampMs }) => timestampMs)).toEqual([0, 20, 40]);
  });

  it('reaches every iterator at its own pace', async () => {
    const { connection, transport } = setUp();
    const one = transport.dtmfIn();
    const other = transport.dtmfIn();
    await tick();
    for (const digit of '12') connection.events.dtmf(digit);
    connection.events.disconnected({ reason: 'peer_left', message: 'gone' });
    expect(await collect(one)).toEqual(['1', '2']);
    expect(await collect(other)).toEqual(['1', '2']);
  });

  it('stops when the signal aborts or the iterator returns', async () => {
    const { connection, transport } = setUp();
    const controller = new AbortController();
    const keys = transport.dtmfIn(controller.signal);
    await tick();
    connection.events.dtmf('1');
    controller.abort();
    connection.events.dtmf('2');
    expect(await collect(keys)).toEqual(['1']);
    expect(await collect(transport.messages(AbortSignal.abort()))).toEqual([]);
    const before = transport.listenerCount('audio');
    await collect(transport.audioIn(AbortSignal.abort()));
    expect(transport.listenerCount('audio')).toBe(before);
  });

  it('leaves nothing on the signal of an iterator that ended', async () => {
    const { connection, transport } = setUp();
    const { signal } = new AbortController();
    const [one, other] = [transport.dtmfIn(signal), transport.audioIn(signal)];
    expect(getEventListeners(signal, 'abort')).toHaveLength(2);
    await one.return!();
    expect(getEventListeners(signal, 'abort')).toHaveLength(1);
    connection.events.disconnected({ reason: 'peer_left', message: 'gone' });
    expect(await collect(other)).toEqual([]);
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });

  it('ends at once for an iterator that is attached after the end', async () => {
    const { connection, transport } = setUp();
    connection.events.disconnected({ reason: 'peer_left', message: 'gone' });
    expect(await collect(transport.audioIn())).toEqual([]);
    const ends: MediaEnd[] = [];
    transport.on('disconnected', (end) => ends.push(end));
    await tick();
    expect(ends).toEqual([{ reason: 'peer_left', message: 'gone' }]);
  });

  it.each([
    [0, 0],
    [1, 0],
    [2, 1],
  ])('is ignored when %i samples of stereo give no mono sample', async (samples, heard) => {
    const { connection, transport } = setUp();
    for (let i = 0; i < 20_000; i++) {
      connection.events.audio(new Int16Array(samples), 16_000, 2, undefined);
    }
    expect(transport.stats.audioIn).toBe(20_000 * heard);
    const frames = transport.audioIn();
    await tick();
    transport.close();
    // However short, a frame counts a millisecond of the five seconds that are kept.
    expect((await collect(frames)).length).toBe(5_000 * heard);
  });

  it('is ignored when it is shorter than one resampled sample', async () => {
    const { connection, transport } = setUp({ sampleRateHz: 8_000 });
    for (let i = 0; i < 12; i++) connection.events.audio(new Int16Array(1), 48_000, 1, undefined);
    const frames = transport.audioIn();
    await tick();
    transport.close();
    expect(await collect(frames)).toHaveLength(2);
  });

  it('and messages are buffered up to a limit in bytes', async () => {
    const { connection, transport } = setUp();
    for (let i = 0; i < 20; i++) {
      const text = String(i).padEnd(300_000, 'x');
      connection.events.message({ deep: [text, text] });
      connection.events.message(Array.from({ length: 30_000 }, () => []));
      connection.events.text(text);
      connection.events.transcription({ text, user_id: 'u', timestamp: '' });
    }
    const kept = { message: 0, text: 0, transcription: 0 };
    for (const kind of ['message', 'text', 'transcription'] as const) {
      transport.on(kind, () => void kept[kind]++);
    }
    await tick();
    expect(kept).toEqual({ message: 1, text: 3, transcription: 3 });
  });

  it('and messages of any JSON shape count against the buffer limit', () => {
    const { connection } = setUp();
    expect(() =>
      connection.events.message(JSON.parse('['.repeat(1e5) + ']'.repeat(1e5))),
    ).not.toThrow();
  });

  it('is buffered for a listener that takes one event at a time', async () => {
    const { connection, transport } = setUp();
    for (const digit of '123') connection.events.dtmf(digit);
    expect(await once(transport, 'dtmf')).toEqual(['1']);
    connection.events.dtmf('4');
    expect(await once(transport, 'dtmf')).toEqual(['2']);
    const taken: string[] = [];
    while (taken.length < 2) {
      for await (const digit of transport.dtmfIn()) {
        taken.push(digit);
        break;
      }
    }
    connection.events.dtmf('5');
    expect(await once(transport, 'dtmf')).toEqual(['5']);
    expect(taken).toEqual(['3', '4']);
  });

  it('is not buffered after the first listener was removed', async () => {
    const { connection, transport } = setUp();
    connection.speak(1);
    const frames = transport.audioIn();
    await tick();
    connection.speak(2);
    await frames.return!();
    connection.speak(3);
    const later = transport.audioIn();
    await tick();
    connection.speak(4);
    transport.close();
    expect((await collect(later)).map(({ timestampMs }) => timestampMs)).toEqual([60]);
  });

  it('is delivered to one iterator only once when another returns', async () => {
    const { connection, transport } = setUp();
    const one = transport.dtmfIn();
    const other = transport.dtmfIn();
    await tick();
    connection.events.dtmf('1');
    await one.return!();
    transport.close();
    expect(await collect(other)).toEqual(['1']);
    expect(await collect(transport.dtmfIn())).toEqual([]);
  });

  it('drops the oldest when the bot does not read, with one warning', async () => {
    const { connection, transport, told } = setUp({ maxBacklogMs: 100 });
    for (let i = 0; i < 20; i++) connection.speak();
    expect(transport.stats).toMatchObject({ audioIn: 20, unread: 15 });
    const frames = transport.audioIn();
    await tick();
    transport.close();
    expect((await collect(frames))[0]!.timestampMs).toBe(300);
    expect(told.warnings).toEqual([expect.stringMatching(/does not read/)]);
  });

  it('is counted as malformed when it cannot be used, with one warning of each kind', () => {
    const { connection, transport, told } = setUp();
    for (let i = 0; i < 3; i++) connection.events.malformed('nonsense', `of kind ${i}`);
    connection.events.audio(new Int16Array(10), 12_345, 1, undefined);
    connection.events.dtmf('no key');
    expect(transport.stats.malformed).toEqual({
      nonsense: 3,
      'audio of a sample rate that is not in use': 1,
      'a dtmf without its key': 1,
    });
    expect(told.warnings).toHaveLength(3);
    expect(told.warnings[0]).toBe('the other side sent nonsense (of kind 0); ignored');
  });
});

describe('sent audio', () => {
  it('is written in chunks of the connection’s size', async () => {
    const { connection, transport } = setUp();
    expect(await transport.sendAudio({ pcm: new Int16Array(480), sampleRateHz: 24_000 })).toBe(
      'sent',
    );
    expect(connection.sent).toEqual([['audio', 160]]);
    expect(transport.stats.audioOut).toBe(1);
  });

  it.each([
    [{ pcm: Buffer.alloc(10), sampleRateHz: 8_000 }, /pcm must be an Int16Array; pcmFromBytes/],
    [{ pcm: new Int16Array(1), sampleRateHz: 8_001 }, /sampleRateHz must be one of 8000, 11025/],
    [{ pcm: new Int16Array(1), sampleRateHz: NaN }, /sampleRateHz must be one of/],
    [{ pcm: new Int16Array(1), sampleRateHz: 8_000, channels: 0 }, /channels must be a whole/],
    [{ pcm: new Int16Array(1), sampleRateHz: 8_000, channels: 1.5 }, /channels must be a whole/],
  ])('is refused when it is invalid: %j', (audio, message) => {
    const { transport } = setUp();
    expect(() => transport.sendAudio(audio as never)).toThrow(message);
  });

  it.each([
    [{ sampleRateHz: 9 }, /sampleRateHz must be one of 8000, 11025/],
    [{ sendAheadMs: NaN }, /sendAheadMs must be a number of milliseconds, at least 0/],
    [{ sendAheadMs: -1 }, /sendAheadMs must be/],
    [{ sendAheadMs: '100' }, /sendAheadMs must be/],
    [{ maxQueueMs: 0 }, /maxQueueMs must be a number of milliseconds, at least 1/],
    [{ playoutTimeoutMs: -1 }, /playoutTimeoutMs must be a number of milliseconds, at least 0/],
    [{ maxBacklogMs: NaN }, /maxBacklogMs must be a number of milliseconds, at least 0/],
  ])('needs valid options: %j', (options, message) => {
    expect(() => setUp(options as never)).toThrow(message);
    expect(() => setUp({ sendAheadMs: 0, maxQueueMs: Infinity, maxBacklogMs: 0 })).not.toThrow();
  });

  it('is dropped by clear() here and at the peer, with its marks', async () => {
    const { connection, transport } = setUp();
    const audio = transport.sendAudio(silence(1_000));
    const late = transport.mark('end');
    await jest.advanceTimersByTimeAsync(50);
    transport.clear();
    expect(await audio).toBe('cleared');
    expect((await late).outcome).toBe('cleared');
    expect(connection.sent.at(-1)).toBe('clear');
  });

  it('settles each mark as played when the peer confirms it', async () => {
    const { connection, transport } = setUp();
    const first = transport.mark('same');
    const second = transport.mark('same');
    const third = transport.mark('never');
    expect(connection.sent).toEqual([
      ['mark', '1:same'],
      ['mark', '2:same'],
      ['mark', '3:never'],
    ]);
    connection.events.markPlayed('2:same');
    connection.events.markPlayed('unknown');
    expect((await second).outcome).toBe('played');
    connection.events.markPlayed('1:same');
    expect((await first).outcome).toBe('played');
    transport.close();
    expect((await third).outcome).toBe('disconnected');
    expect((await transport.mark('too late')).outcome).toBe('disconnected');
  });

  it('settles the oldest mark as played when 1,000 marks are unconfirmed', async () => {
    const { transport, told } = setUp();
    const outcomes: string[] = [];
    for (let i = 0; i < 1_002; i++) {
      void transport.mark(`${i}`).then(({ outcome }) => outcomes.push(`${i} ${outcome}`));
    }
    await tick();
    expect(outcomes).toEqual(['0 played', '1 played']);
    expect(told.warnings).toEqual([expect.stringMatching(/does not confirm/)]);
  });

  it('settles marks as played by the clock when the peer cannot confirm them', async () => {
    const { connection, transport } = setUp({}, (one) => {
      one.capabilities = { ...one.capabilities, marks: 'estimated' };
    });
    void transport.sendAudio(silence(500));
    let playedAtMs = 0;
    const start = performance.now();
    void transport.mark('end').then(() => (playedAtMs = performance.now() - start));
    await jest.advanceTimersByTimeAsync(490);
    expect(playedAtMs).toBe(0);
    await jest.advanceTimersByTimeAsync(30);
    expect(playedAtMs).toBeGreaterThanOrEqual(500);
    expect(connection.sent.every((one) => (one as string[])[0] === 'audio')).toBe(true);
    const cleared = transport.mark('x');
    transport.clear();
    expect((await cleared).outcome).toBe('cleared');
    expect(jest.getTimerCount()).toBe(0);
  });

  it('is refused over the buffer limit, with one warning', async () => {
    const { transport, told } = setUp({ maxQueueMs: 100 });
    const outcomes = Array.from({ length: 20 }, () => transport.sendAudio(silence(40)));
    expect(await outcomes.at(-1)).toBe('overflow');
    expect(transport.stats.overflowed).toBeGreaterThan(5);
    expect(told.warnings).toEqual([expect.stringMatching(/faster than it is spoken/)]);
  });

  it('also covers DTMF and application messages', async () => {
    const { connection, transport } = setUp();
    expect(await transport.sendDtmf('12#')).toBe(true);
    expect(transport.sendMessage({ a: 1 })).toBe(true);
    expect(connection.sent).toEqual([
      ['dtmf', '12#'],
      ['message', { a: 1 }],
    ]);
    await expect(transport.sendDtmf('1 2')).rejects.toThrow(/digits must be some of/);
    expect(() => transport.keyPressed('12')).toThrow(/digit must be one of/);
  });

  it('covers DTMF before the connection, which waits for it', async () => {
    const { connection, transport } = setUp({}, (one) => {
      one.open = (events) => void (one.events = events);
    });
    const sent = transport.sendDtmf('12#');
    await tick();
    expect(connection.sent).toEqual([]);
    connection.events.connected();
    expect(await sent).toBe(true);
    expect(connection.sent).toEqual([['dtmf', '12#']]);
  });

  it('covers no DTMF where the connection ends before', async () => {
    const { connection, transport } = setUp({}, (one) => {
      one.open = (events) => void (one.events = events);
    });
    const sent = transport.sendDtmf('1');
    connection.events.disconnected({ reason: 'failed', message: 'no' });
    expect(await sent).toBe(false);
    expect(await transport.sendDtmf('1')).toBe(false);
    expect(connection.sent).toEqual([]);
  });

  it('is dropped without an error where the transport lacks the capability', async () => {
    const { connection, transport } = setUp({}, (one) => {
      one.capabilities = { ...one.capabilities, dtmfOut: false, messages: false };
    });
    expect(await transport.sendDtmf('1')).toBe(false);
    expect(transport.sendMessage({})).toBe(false);
    expect(connection.sent).toEqual([]);
  });
});

describe('audio before an end by the bot', () => {
  const estimated = (one: FakeMediaConnection): void =>
    void (one.capabilities = { ...one.capabilities, marks: 'estimated' });
  const playedMs = ({ sent }: FakeMediaConnection): number =>
    sent.filter((one) => (one as string[])[0] === 'audio').length * 20;
  const confirm = ({ sent, events }: FakeMediaConnection): void => {
    for (const [what, name] of sent as string[][]) if (what === 'mark') events.markPlayed(name!);
  };

  it('is played until the peer confirms it', async () => {
    const { connection, transport, told } = setUp();
    void transport.sendAudio(silence(1_000));
    transport.close();
    expect(await transport.sendAudio(silence(20))).toBe('disconnected');
    await jest.advanceTimersByTimeAsync(1_500);
    expect(playedMs(connection)).toBe(1_000);
    expect(transport.state).toBe('connected');
    confirm(connection);
    await tick();
    expect(transport.state).toBe('disconnected');
    expect(connection.sent.at(-1)).toEqual(['close', 'closed']);
    expect(told.ends).toEqual([{ reason: 'closed', message: 'The bot closed the connection.' }]);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('is played for 2 s longer than it takes when the peer does not confirm it', async () => {
    const { transport } = setUp();
    void transport.sendAudio(silence(1_000));
    transport.close();
    await jest.advanceTimersByTimeAsync(2_900);
    expect(transport.state).toBe('connected');
    await jest.advanceTimersByTimeAsync(200);
    expect(transport.state).toBe('disconnected');
  });

  it('is played for 0.3 s longer by peers that confirm nothing', async () => {
    const { connection, transport } = setUp({}, estimated);
    void transport.sendAudio(silence(1_000));
    void transport.mark('end').then(() => transport.close());
    await jest.advanceTimersByTimeAsync(1_250);
    expect(transport.state).toBe('connected');
    await jest.advanceTimersByTimeAsync(100);
    expect(transport.state).toBe('disconnected');
    expect(playedMs(connection)).toBe(1_000);
  });

  it('is waited for no more after a mark that the peer confirmed', async () => {
    const { connection, transport } = setUp();
    void transport.sendAudio(silence(40));
    const said = transport.mark('said');
    await jest.advanceTimersByTimeAsync(50);
    confirm(connection);
    expect((await said).outcome).toBe('played');
    transport.close();
    expect(transport.state).toBe('disconnected');
    expect(connection.sent.slice(2)).toEqual([
      ['mark', '1:said'],
      ['close', 'closed'],
    ]);
  });

  it.each<[string, (transport: MediaTransport, connection: FakeMediaConnection) => void]>([
    ['clear()', (transport) => transport.clear()],
    ['the session', (transport) => transport.abort({ reason: 'aborted', message: 'stopped' })],
    ['the bot’s signal', (transport) => transport.cut({ reason: 'closed', message: 'enough' })],
    ['an error', (transport) => transport.close({ reason: 'failed', message: 'broken' })],
    ['the peer', (_, { events }) => events.disconnected({ reason: 'peer_left', message: 'gone' })],
  ])('is cut off by %s, and once it was written too', async (_, cut) => {
    for (const [afterMs, marks] of [50, 1_100].flatMap((ms) =>
      [() => undefined, estimated].map((change) => [ms, change] as const),
    )) {
      const { connection, transport } = setUp({}, marks);
      const audio = transport.sendAudio(silence(1_000));
      transport.close();
      await jest.advanceTimersByTimeAsync(afterMs);
      cut(transport, connection);
      await tick();
      expect(transport.state).toBe('disconnected');
      expect(playedMs(connection)).toBe(Math.min(1_000, afterMs + 110));
      expect(await audio).toMatch(afterMs > 1_000 ? /sent/ : /cleared|disconnected/);
      expect(jest.getTimerCount()).toBe(0);
    }
  });

  it.each([
    [0, 0],
    [500, 500],
    [Infinity, 1_300],
  ])('is played for playoutTimeoutMs at most: %d', async (playoutTimeoutMs, endsAtMs) => {
    const { transport } = setUp({ playoutTimeoutMs }, estimated);
    void transport.sendAudio(silence(1_000));
    transport.close();
    if (endsAtMs > 0) {
      await jest.advanceTimersByTimeAsync(endsAtMs - 50);
      expect(transport.state).toBe('connected');
      await jest.advanceTimersByTimeAsync(100);
    }
    expect(transport.state).toBe('disconnected');
    expect(jest.getTimerCount()).toBe(0);
  });

  it('is played for playoutTimeoutMs at most where the peer does not confirm it, either', async () => {
    const { transport } = setUp({ playoutTimeoutMs: 500 });
    void transport.sendAudio(silence(100));
    transport.close();
    await jest.advanceTimersByTimeAsync(450);
    expect(transport.state).toBe('connected');
    await jest.advanceTimersByTimeAsync(100);
    expect(transport.state).toBe('disconnected');
  });

  it('is waited for no more when a peer confirms its marks in any order', async () => {
    const { connection, transport } = setUp();
    for (const name of ['a', 'b']) {
      void transport.sendAudio(silence(40));
      void transport.mark(name);
    }
    for (const id of ['2:b', '1:a']) connection.events.markPlayed(id);
    await tick();
    transport.close();
    expect(transport.state).toBe('disconnected');
  });

  it('is not asked about any more when it was waited for in vain', async () => {
    const { connection, transport } = setUp({ playoutTimeoutMs: 100 }, (one) =>
      Object.assign(one, { transfer: async () => ({ ok: false, error: 'busy' }) }),
    );
    const takes = jest.spyOn(connection, 'sendAudio').mockReturnValue(false);
    void transport.sendAudio(silence(20));
    const transferred = transport.transfer('+15550009');
    await jest.advanceTimersByTimeAsync(150);
    expect(await transferred).toEqual({ ok: false, error: 'busy' });
    takes.mockRestore();
    await jest.advanceTimersByTimeAsync(50);
    expect(connection.sent).toEqual([['audio', 160]]);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('is bounded for a peer that takes none, with any number of marks', async () => {
    const { connection, transport } = setUp({ playoutTimeoutMs: 500 });
    connection.sendAudio = () => false;
    void transport.sendAudio(silence(1_000));
    for (let i = 0; i < 1_000; i++) void transport.mark('x');
    transport.close();
    await jest.advanceTimersByTimeAsync(450);
    expect(transport.state).toBe('connected');
    await jest.advanceTimersByTimeAsync(100);
    expect(transport.state).toBe('disconnected');
  });

  it('is played before hangUp() ends the call, whose peer may leave first', async () => {
    const { connection, transport, told } = setUp({}, estimated);
    void transport.sendAudio(silence(1_000));
    const outcome = transport.hangUp();
    await jest.advanceTimersByTimeAsync(1_000);
    expect(connection.sent).not.toContain('hang up');
    connection.events.disconnected({ reason: 'peer_left', message: 'gone' });
    expect(await outcome).toEqual({ ok: true, via: 'api' });
    expect(connection.sent.at(-1)).toBe('hang up');
    expect(told.ends).toEqual([{ reason: 'closed', message: 'The bot hung up.' }]);
  });

  it('is played before a transfer, after which the bot goes on when it fails', async () => {
    const { connection, transport } = setUp({}, (one) => {
      estimated(one);
      Object.assign(one, {
        transfer: async (target: string) => {
          one.sent.push(['transfer', target]);
          return { ok: false, error: 'busy' };
        },
      });
    });
    void transport.sendAudio(silence(1_000));
    const outcome = transport.transfer('+15550009');
    expect(await transport.transfer('+15550009')).toMatchObject({ error: /already/ });
    await jest.advanceTimersByTimeAsync(1_200);
    expect(playedMs(connection)).toBe(1_000);
    expect(connection.sent).not.toContainEqual(['transfer', '+15550009']);
    await jest.advanceTimersByTimeAsync(200);
    expect(await outcome).toEqual({ ok: false, error: 'busy' });
    expect(await transport.sendAudio(silence(20))).toBe('sent');
    const late = transport.transfer('+15550009');
    connection.events.disconnected({ reason: 'peer_left', message: 'gone' });
    expect(await late).toEqual({ ok: false, error: 'The call is over.' });
    expect(transport.state).toBe('disconnected');
  });

  it.each<[MediaEnd['reason'], boolean, MediaEnd['reason']]>([
    ['peer_left', true, 'closed'],
    ['peer_left', false, 'peer_left'],
    ['failed', true, 'failed'],
  ])(
    'is over for a peer that is gone during a transfer: %s, and it succeeds: %s',
    async (reason, ok, ends) => {
      let transferred!: () => void;
      const { connection, transport, told } = setUp({}, (one) =>
        Object.assign(one, {
          transfer: () => new Promise((resolve) => (transferred = () => resolve({ ok }))),
        }),
      );
      const outcome = transport.transfer('+15550009');
      connection.events.disconnected({ reason, message: 'gone' });
      expect(transport.state).toBe(reason === 'failed' ? 'disconnected' : 'connected');
      transferred();
      await outcome;
      await tick();
      expect(told.ends).toMatchObject([{ reason: ends }]);
    },
  );

  it('is played after the bot returned, while it hears nothing any more', async () => {
    const { connection, transport } = setUp({}, estimated);
    const heard: string[] = [];
    transport.on('audio', () => heard.push('audio')).on('dtmf', (digit) => heard.push(digit));
    await tick();
    expect(transport.playOut()).toBeUndefined();
    const another = setUp({}, estimated).transport;
    void another.sendAudio(silence(1_000));
    another.on('dtmf', (digit) => heard.push(digit));
    await tick();
    let isPlayed = false;
    void another.playOut()!.then(() => (isPlayed = true));
    another.keyPressed('1');
    expect(heard).toEqual([]);
    await jest.advanceTimersByTimeAsync(1_250);
    expect(isPlayed).toBe(false);
    await jest.advanceTimersByTimeAsync(100);
    expect(isPlayed).toBe(true);
    connection.speak();
    expect(heard).toEqual(['audio']);
  });
});

describe('the end of a transport', () => {
  it('happens once, whoever ends it', async () => {
    const { connection, transport, told } = setUp();
    const audio = transport.sendAudio(silence(1_000));
    connection.events.disconnected({ reason: 'peer_left', message: 'gone' });
    connection.events.disconnected({ reason: 'failed', message: 'again' });
    transport.close();
    expect(transport.state).toBe('disconnected');
    expect(await audio).toBe('disconnected');
    expect(await transport.sendAudio(silence(20))).toBe('disconnected');
    expect(transport.sendMessage({})).toBe(false);
    expect(told.ends).toEqual([{ reason: 'peer_left', message: 'gone' }]);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('is the last event', async () => {
    const { connection, transport } = setUp();
    const told: unknown[] = [];
    for (const event of ['audio', 'dtmf', 'message', 'interruption', 'disconnected'] as const) {
      transport.on(event, () => told.push(event));
    }
    await tick();
    transport.close();
    connection.speak();
    connection.events.dtmf('1');
    connection.events.message({});
    connection.events.interruption();
    connection.events.malformed('nonsense');
    transport.keyPressed('1');
    await tick();
    expect(told).toEqual(['disconnected']);
    expect(transport.stats).toMatchObject({ audioIn: 0, malformed: {} });
  });

  it('can be caused by the bot', () => {
    const { connection, transport, told } = setUp();
    transport.close();
    expect(connection.sent).toEqual([['close', 'closed']]);
    expect(told.ends[0]!.reason).toBe('closed');
  });

  it('by hangUp() is requested once, and a failure is reported', async () => {
    const { connection, transport, told } = setUp({}, (one) => {
      one.hangUpOutcome = { ok: false, via: 'api', error: 'Twilio answered 401' };
    });
    const outcomes = await Promise.all([transport.hangUp(), transport.hangUp()]);
    expect(outcomes).toEqual(
      new Array(2).fill({ ok: false, via: 'api', error: 'Twilio answered 401' }),
    );
    expect(connection.sent).toEqual(['hang up', ['close', 'closed']]);
    expect(told.warnings).toEqual(['hanging up failed: Twilio answered 401']);
  });

  it('is not caused by a listener that throws or rejects, which the observer gets', async () => {
    const { connection, transport, told } = setUp();
    transport.on('audio', () => {
      throw new Error('in a listener');
    });
    const rejecting = (): unknown => Promise.reject(new Error('in an async listener'));
    transport.on('dtmf', rejecting);
    await tick();
    connection.speak();
    connection.events.dtmf('1');
    await tick();
    await tick();
    expect(told.failures.map(String)).toEqual([
      'Error: in a listener',
      'Error: in an async listener',
    ]);
    expect(transport.state).toBe('connected');
  });
});

describe('playback', () => {
  const estimated = (connection: FakeMediaConnection) => {
    connection.capabilities = { ...connection.capabilities, marks: 'estimated' };
  };
  /** Confirms all marks that were sent, as a peer does that plays without delay. */
  const confirm = (connection: FakeMediaConnection, after = 0) => {
    const marks = connection.sent.filter((one) => Array.isArray(one) && one[0] === 'mark');
    for (const [, name] of marks.slice(after) as [string, string][])
      connection.events.markPlayed(name);
    return marks.length;
  };

  it('tells what was played when the user interrupts, by the clock', async () => {
    const { transport } = setUp({ confirmPlayback: true }, estimated);
    void transport.sendAudio(silence(2_000));
    await jest.advanceTimersByTimeAsync(700);
    const near = (ms: number): unknown => expect.closeTo(ms, -1);
    const heard = { playedMs: near(700), totalPlayedMs: near(700), position: 'estimated' };
    expect(transport.playback).toEqual({ ...heard, queuedMs: near(1_300) });
    expect(transport.clear()).toEqual({ ...heard, queuedMs: 0 });
    expect(transport.playback.playedMs).toBe(0);
  });

  it('counts each utterance by itself, and all together', async () => {
    const { transport } = setUp({}, estimated);
    void transport.sendAudio(silence(400));
    await jest.advanceTimersByTimeAsync(3_000);
    expect(transport.playback.playedMs).toBe(400);
    void transport.sendAudio(silence(1_000));
    await jest.advanceTimersByTimeAsync(300);
    const { playedMs, totalPlayedMs } = transport.clear();
    expect(playedMs).toBeCloseTo(300, -1);
    expect(totalPlayedMs).toBeCloseTo(700, -1);
    void transport.sendAudio(silence(100));
    const end = transport.mark('end');
    await jest.advanceTimersByTimeAsync(100);
    expect((await end).playedMs).toBe(100);
  });

  it('continues an utterance after a short gap, without its padding', async () => {
    const { transport } = setUp({}, estimated);
    void transport.sendAudio(silence(110));
    await jest.advanceTimersByTimeAsync(900);
    void transport.sendAudio(silence(200));
    await jest.advanceTimersByTimeAsync(500);
    expect(transport.clear().playedMs).toBe(310);
  });

  it('follows a peer that plays late when it confirms the position', async () => {
    const { connection, transport } = setUp({ confirmPlayback: true });
    void transport.sendAudio(silence(2_000));
    await jest.advanceTimersByTimeAsync(520);
    // The peer has just begun: its jitter buffer holds half a second.
    const [[, first]] = connection.sent.filter(
      (one) => Array.isArray(one) && one[0] === 'mark',
    ) as [[string, string]];
    connection.events.markPlayed(first);
    await jest.advanceTimersByTimeAsync(100);
    const { playedMs, position } = transport.clear();
    expect(playedMs).toBeCloseTo(120, -1);
    expect(position).toBe('confirmed');
  });

  it('does not run ahead of a position that the peer has not confirmed', async () => {
    const { connection, transport } = setUp({ confirmPlayback: true });
    void transport.sendAudio(silence(1_000));
    confirm(connection);
    await jest.advanceTimersByTimeAsync(900);
    expect(transport.playback).toMatchObject({ playedMs: 220, position: 'confirmed' });
    confirm(connection, 1);
    expect(transport.playback.playedMs).toBeGreaterThan(800);
  });

  it('is not asked for unless the bot wants it confirmed', async () => {
    const { connection, transport } = setUp();
    void transport.sendAudio(silence(1_000));
    await jest.advanceTimersByTimeAsync(1_500);
    expect(confirm(connection)).toBe(0);
    expect(transport.playback).toMatchObject({ playedMs: 1_000, position: 'estimated' });
  });

  it('tells at a mark how much was played', async () => {
    const { connection, transport } = setUp({ confirmPlayback: true });
    void transport.sendAudio(silence(300));
    const first = transport.mark('first');
    void transport.sendAudio(silence(2_000));
    const second = transport.mark('second');
    await jest.advanceTimersByTimeAsync(500);
    confirm(connection);
    expect(await first).toMatchObject({ outcome: 'played' });
    expect((await first).playedMs).toBeGreaterThanOrEqual(300);
    await jest.advanceTimersByTimeAsync(100);
    const { playedMs } = transport.clear();
    expect(await second).toMatchObject({ outcome: 'cleared', playedMs });
  });
});

describe('a pause', () => {
  it('holds audio back and goes on where it was, within the same utterance', async () => {
    const { connection, transport } = setUp({}, (one) => {
      one.capabilities = { ...one.capabilities, marks: 'estimated' };
    });
    void transport.sendAudio(silence(1_000));
    await jest.advanceTimersByTimeAsync(300);
    transport.pause();
    const sent = connection.sent.length;
    await jest.advanceTimersByTimeAsync(5_000);
    expect(connection.sent.length).toBe(sent);
    expect(transport.playback.playedMs).toBe(sent * 20);
    transport.resume();
    await jest.advanceTimersByTimeAsync(1_000);
    expect(connection.sent.length).toBe(50);
    expect(transport.playback.playedMs).toBe(1_000);
  });

  it('is over with clear(), and when the bot ends the call', async () => {
    const { connection, transport } = setUp();
    transport.pause();
    void transport.sendAudio(silence(100));
    expect(connection.sent).toEqual([]);
    transport.clear();
    await transport.sendAudio(silence(40));
    expect(connection.sent.filter((one) => one !== 'clear')).toHaveLength(2);
    transport.pause();
    const last = transport.sendAudio(silence(40));
    transport.close();
    expect(await last).toBe('sent');
  });
});

describe('a connection that throws', () => {
  const boom = new Error('boom');
  const thrown = (): never => {
    throw boom;
  };
  const rejected = (): Promise<never> => Promise.reject(boom);
  const failed = (method: string) => ({
    what: `the media connection threw in ${method}()`,
    message: `The media connection threw in ${method}().`,
    cause: boom,
  });

  it.each<[string, () => unknown, (transport: MediaTransport) => unknown]>([
    ['sendAudio', thrown, (transport) => transport.sendAudio(silence(20))],
    ['clear', thrown, (transport) => transport.clear()],
    ['clear', rejected, (transport) => transport.clear()],
    ['mark', thrown, (transport) => transport.mark('x')],
    ['mark', rejected, (transport) => transport.mark('x')],
    ['sendDtmf', thrown, (transport) => transport.sendDtmf('1')],
    ['sendDtmf', rejected, (transport) => transport.sendDtmf('1')],
    ['sendMessage', thrown, (transport) => transport.sendMessage({ a: 1 })],
  ])('ends its own session, by name: %s, %p', async (method, fail, use) => {
    const { transport, told } = setUp({}, (one) => void Object.assign(one, { [method]: fail }));
    // A rejection that nobody took would fail this test.
    await use(transport);
    await tick();
    expect(told.failures).toEqual([expect.objectContaining(failed(method))]);
    expect(told.ends).toEqual([
      { reason: 'failed', message: `The media connection threw in ${method}().` },
    ]);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('ends its own session when sending throws later, from a timer', async () => {
    let sent = 0;
    const { transport, told } = setUp({}, (one) =>
      Object.assign(one, { sendAudio: () => ++sent < 20 || thrown() }),
    );
    const outcome = transport.sendAudio(silence(1_000));
    await jest.advanceTimersByTimeAsync(1_000);
    expect(sent).toBe(20);
    expect(await outcome).toBe('disconnected');
    expect(told.failures).toEqual([expect.objectContaining(failed('sendAudio'))]);
    expect(jest.getTimerCount()).toBe(0);
  });

  it.each([
    ['throws', thrown],
    ['rejects', rejected],
  ])('is closed all the same when close() %s', async (_, close) => {
    const { transport, told } = setUp({}, (one) => Object.assign(one, { close }));
    transport.close();
    await tick();
    expect(transport.state).toBe('disconnected');
    expect(told.failures).toEqual([expect.objectContaining(failed('close'))]);
    expect(told.ends).toEqual([{ reason: 'closed', message: 'The bot closed the connection.' }]);
  });

  it.each<[string, () => unknown, string]>([
    ['throws', thrown, 'Error: boom'],
    ['rejects', rejected, 'Error: boom'],
    ['has no outcome', async () => ({}), 'TypeError: it has no outcome'],
  ])('hangs up without a rejection when hangUp() %s', async (_, hangUp, problem) => {
    const { transport, told } = setUp({}, (one) => Object.assign(one, { hangUp }));
    const error = `the media connection threw in hangUp(): ${problem}`;
    expect(await transport.hangUp()).toEqual({ ok: false, via: 'connection', error });
    expect(told.warnings).toEqual([`hanging up failed: ${error}`]);
    expect(told.ends).toHaveLength(1);
  });

  it.each([
    ['throws', thrown],
    ['rejects', rejected],
  ])('goes on after a transfer that %s, and can be asked again', async (_, transfer) => {
    const { transport } = setUp({}, (one) => Object.assign(one, { transfer }));
    const failure = { ok: false, error: 'the media connection threw in transfer(): Error: boom' };
    expect(await transport.transfer('+15550009')).toEqual(failure);
    expect(await transport.transfer('+15550009')).toEqual(failure);
    expect(transport.state).toBe('connected');
  });

  it('has lost its peer when that leaves during a transfer that rejects', async () => {
    let reject!: (error: Error) => void;
    const { connection, transport, told } = setUp({}, (one) =>
      Object.assign(one, { transfer: () => new Promise((_, no) => (reject = no)) }),
    );
    const outcome = transport.transfer('+15550009');
    const end: MediaEnd = { reason: 'peer_left', message: 'gone' };
    connection.events.disconnected(end);
    reject(boom);
    expect(await outcome).toMatchObject({ ok: false });
    await tick();
    expect(told.ends).toEqual([end]);
  });

  it('is not to blame for a message that is no JSON', () => {
    const sendMessage = (message: unknown): boolean => JSON.stringify(message).length > 0;
    const { transport, told } = setUp({}, (one) => Object.assign(one, { sendMessage }));
    expect(() => transport.sendMessage({ price: 5n })).toThrow(TypeError);
    expect(() => transport.sendMessage(undefined)).toThrow(TypeError);
    expect(told.failures).toEqual([]);
    expect(transport.state).toBe('connected');
  });

  it.each<[string, unknown[]]>([
    ['no channels', [new Int16Array(3), 8_000, 0]],
    ['half a channel', [new Int16Array(3), 8_000, 0.5]],
    ['no samples', [undefined, 8_000, 1]],
    ['bytes', [Buffer.alloc(4), 8_000, 1]],
  ])('has audio counted as malformed that has %s', (_, audio) => {
    const { connection, transport } = setUp();
    (connection.events.audio as (...audio: unknown[]) => void)(...audio);
    expect(transport.stats.malformed).toEqual({ 'audio without samples or channels': 1 });
  });

  it('has a message buffered that contains itself', async () => {
    const { connection, transport } = setUp();
    const message: { self?: unknown } = {};
    message.self = message;
    connection.events.message(message);
    transport.close();
    expect(await collect(transport.messages())).toEqual([message]);
  });
});
