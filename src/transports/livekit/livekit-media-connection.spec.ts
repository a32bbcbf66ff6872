import { EventEmitter } from 'node:events';
import { ReadableStream } from 'node:stream/web';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { DisconnectReason, ParticipantKind, RoomEvent, TrackKind } from '@livekit/rtc-node';
import type { MediaEnd, MediaConnectionEvents } from '../../media/media-connection.js';
import { LiveKitRunnerArguments } from './dto/livekit-runner-arguments.dto.js';
import { LiveKitMediaConnection, type LiveKitRtc } from './livekit-media-connection.js';

/** A room of which the test decides when it is entered, and who is in it. */
class FakeRoom extends EventEmitter {
  readonly remoteParticipants = new Map<string, object>();
  readonly localParticipant = {
    publishTrack: () => this.published.promise,
    publishDtmf: (code: number) =>
      code > 9 ? Promise.reject(new Error('no such key')) : Promise.resolve(),
    publishData: () => Promise.resolve(),
  };
  readonly entered = latch();
  readonly published = latch();
  readonly out = latch();
  disconnects = 0;

  connect(): Promise<void> {
    return this.entered.promise;
  }

  disconnect(): Promise<void> {
    this.disconnects++;
    return this.out.promise;
  }

  come(identity: string, kind = ParticipantKind.STANDARD): void {
    const participant = { identity, kind, trackPublications: new Map() };
    this.remoteParticipants.set(identity, participant);
    this.emit(RoomEvent.ParticipantConnected, participant);
  }

  go(identity: string, disconnectReason = DisconnectReason.CLIENT_INITIATED): void {
    const participant = { ...this.remoteParticipants.get(identity), disconnectReason };
    this.remoteParticipants.delete(identity);
    this.emit(RoomEvent.ParticipantDisconnected, participant);
  }
}

function latch() {
  let open!: () => void;
  const promise = new Promise<void>((resolve) => (open = resolve));
  return { promise, open };
}

let room: FakeRoom;
let told: unknown[];
/** The SDK's part in sending audio. */
let capture: (pcm: Int16Array) => Promise<void>;
let ends: MediaEnd[];
let closeTrack: jest.Mock<(closeSource: boolean) => Promise<void>>;
beforeEach(() => {
  closeTrack = jest.fn(() => Promise.resolve());
  room = new FakeRoom();
  told = [];
  ends = [];
  capture = () => Promise.resolve();
});
afterEach(() => void jest.useRealTimers());

function join(signal?: AbortSignal): Promise<LiveKitMediaConnection> {
  const sdk = {
    Room: function () {
      return room;
    },
    AudioSource: class {
      close = () => Promise.resolve();
      captureFrame = (frame: { data: Int16Array }) => capture(frame.data);
    },
    AudioFrame: class {
      constructor(readonly data: Int16Array) {}
    },
    // A track is the audio that its user has to say.
    AudioStream: function (track: { said: AsyncIterable<object> }) {
      return ReadableStream.from(track.said);
    },
    LocalAudioTrack: { createAudioTrack: () => ({ close: closeTrack }) },
    TrackPublishOptions: class {},
    TrackSource: {},
    RoomEvent,
    DisconnectReason,
    ParticipantKind,
    TrackKind,
  };
  const args = new LiveKitRunnerArguments({ room_name: 'r', url: 'ws://x', token: 't' });
  return LiveKitMediaConnection.join(sdk as unknown as LiveKitRtc, args, {
    sampleRateHz: 16_000,
    signal,
    hangUp: undefined,
  });
}

function open(link: LiveKitMediaConnection): void {
  const events: Partial<MediaConnectionEvents> = {
    connected: () => void told.push('connected'),
    dtmf: (digit) => void told.push(digit),
    audio: (pcm) => void told.push([...pcm]),
    message: (message) => void told.push(message),
    malformed: () => void told.push('malformed'),
    disconnected: (end) => void ends.push(end),
  };
  link.open(events as MediaConnectionEvents);
}

async function joined(): Promise<LiveKitMediaConnection> {
  room.entered.open();
  room.published.open();
  const link = await join();
  open(link);
  return link;
}

describe('joining a LiveKit room', () => {
  it('can be given up, and leaves what is joined all the same', async () => {
    const giveUp = new AbortController();
    const joining = join(giveUp.signal);
    giveUp.abort(new Error('enough'));
    await expect(joining).rejects.toThrow('enough');
    const before = room.disconnects;
    room.entered.open();
    await room.entered.promise;
    await new Promise(setImmediate);
    expect(room.disconnects).toBe(before + 1);
  });

  it('loses nothing that happens before it is told of', async () => {
    const joining = join();
    room.entered.open();
    room.come('user');
    room.emit(RoomEvent.DtmfReceived, 5, '5');
    room.emit(RoomEvent.DataReceived, Buffer.from('{"a":1}'));
    room.published.open();
    open(await joining);
    expect(told).toEqual(['connected', '5', { a: 1 }]);
  });

  it('keeps the newest of what a flood tells before it is told of', async () => {
    const joining = join();
    room.entered.open();
    room.come('user');
    await room.entered.promise;
    for (let i = 0; i < 100_000; i++) room.emit(RoomEvent.DataReceived, Buffer.from(`[${i}]`));
    room.go('user');
    room.published.open();
    open(await joining);
    expect(told.length).toBeGreaterThan(500);
    expect(told.length).toBeLessThanOrEqual(1_001);
    expect([told[0], told.at(-1)]).toEqual(['connected', [99_999]]);
    expect(ends).toHaveLength(1);
  });

  it.each<[string, () => void, MediaEnd['reason']]>([
    ['the user leaves', () => room.go('user'), 'peer_left'],
    [
      'the room is deleted',
      () => room.emit(RoomEvent.Disconnected, DisconnectReason.ROOM_DELETED),
      'peer_left',
    ],
    [
      'the connection is lost',
      () => room.emit(RoomEvent.Disconnected, DisconnectReason.STATE_MISMATCH),
      'failed',
    ],
  ])('notices when meanwhile %s', async (_, happens, reason) => {
    const joining = join();
    room.entered.open();
    room.come('user');
    await room.entered.promise;
    happens();
    room.published.open();
    open(await joining);
    expect(ends).toEqual([expect.objectContaining({ reason })]);
  });
});

describe('a bot in a LiveKit room', () => {
  it('waits for a user whose connection broke, and for no other bot', async () => {
    await joined();
    jest.useFakeTimers();
    room.come('user');
    room.go('user', DisconnectReason.CONNECTION_TIMEOUT);
    room.come('user');
    room.go('user', DisconnectReason.CONNECTION_TIMEOUT);
    room.come('other bot', ParticipantKind.AGENT);
    jest.advanceTimersByTime(14_000);
    expect(ends).toEqual([]);
    jest.advanceTimersByTime(2_000);
    expect(ends).toEqual([{ reason: 'peer_left', message: 'The user left the LiveKit room.' }]);
  });

  const userWho = (said: AsyncIterable<object>) => {
    const track = { kind: TrackKind.KIND_AUDIO, said };
    return { kind: ParticipantKind.STANDARD, trackPublications: new Map([['t', { track }]]) };
  };

  it('hears one user after the other', async () => {
    await joined();
    const user = (sample: number) =>
      userWho(
        (async function* () {
          await Promise.resolve();
          yield { data: Int16Array.of(sample) };
        })(),
      );
    room.remoteParticipants.set('one', user(1)).set('other', user(2));
    room.emit(RoomEvent.TrackSubscribed);
    while (told.length < 3) await new Promise(setImmediate);
    expect(told).toEqual(['connected', [1], [2]]);
  });

  it('goes on sending when the SDK has refused audio, which is not touched again', async () => {
    const link = await joined();
    const captured: Int16Array[] = [];
    capture = (pcm) => {
      captured.push(pcm);
      return Promise.reject(new Error('not now'));
    };
    const chunk = new Int16Array(480).fill(1);
    for (let i = 0; i < 30; i++) {
      expect(link.sendAudio(chunk)).toBe(true);
      await new Promise(setImmediate);
    }
    chunk.fill(0);
    expect(captured[0]![0]).toBe(1);
    capture = () => new Promise(() => undefined);
    let sent = 0;
    while (sent < 100 && link.sendAudio(chunk)) sent++;
    expect(sent).toBe(10);
  });

  it('waits for nobody any more when it has left', async () => {
    const link = await joined();
    room.come('user');
    room.out.open();
    jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask'] });
    room.go('user', DisconnectReason.CONNECTION_TIMEOUT);
    await link.close();
    // As long as it waits to have left.
    jest.advanceTimersByTime(2_000);
    expect([ends, jest.getTimerCount()]).toEqual([[], 0]);
  });

  it('takes no data that nest too deep', async () => {
    await joined();
    room.emit(RoomEvent.DataReceived, Buffer.from('['.repeat(5_000) + ']'.repeat(5_000)));
    room.emit(RoomEvent.DataReceived, Buffer.from('[1]'));
    expect(told).toEqual(['connected', 'malformed', [1]]);
  });

  it('sends no more messages than the SDK takes', async () => {
    const link = await joined();
    room.localParticipant.publishData = () => new Promise(() => undefined);
    let sent = 0;
    while (sent < 10_000 && link.sendMessage({ sent })) sent++;
    expect(sent).toBe(1_000);
  });

  it('sends no more bytes of messages than the SDK takes, and goes on once it has', async () => {
    const link = await joined();
    const sending: ReturnType<typeof latch>[] = [];
    room.localParticipant.publishData = () => {
      sending.push(latch());
      return sending.at(-1)!.promise;
    };
    const text = 'é'.repeat(250_000);
    let sent = 0;
    while (sent < 1_000 && link.sendMessage({ text })) sent++;
    // Four mebibytes, and the message that goes beyond them.
    expect(sent).toBe(9);
    for (const { open } of sending.splice(0)) open();
    await new Promise(setImmediate);
    for (sent = 0; sent < 1_000 && link.sendMessage({ text });) sent++;
    expect(sent).toBe(9);
  });

  it('counts no message that is no JSON', async () => {
    const link = await joined();
    for (let i = 0; i < 2_000; i++) expect(() => link.sendMessage({ i: 1n })).toThrow(TypeError);
    expect(link.sendMessage('one more')).toBe(true);
  });

  it('says false where the SDK cannot send a key', async () => {
    const link = await joined();
    expect(await link.sendDtmf('1')).toBe(true);
    expect(await link.sendDtmf('1*')).toBe(false);
  });

  it('has left when it says so', async () => {
    const link = await joined();
    let left = false;
    const closing = Promise.all([link.close(), link.close()]).then(() => (left = true));
    await new Promise(setImmediate);
    expect(left).toBe(false);
    room.out.open();
    await closing;
    expect(room.disconnects).toBe(1);
  });

  it('frees its track and the audio of a silent user once it has left', async () => {
    const link = await joined();
    const stopped = latch();
    const silent = {
      [Symbol.asyncIterator]: () => ({
        next: () => new Promise<never>(() => undefined),
        return: async () => {
          stopped.open();
          return { done: true as const, value: undefined };
        },
      }),
    };
    room.remoteParticipants.set('user', userWho(silent));
    room.emit(RoomEvent.TrackSubscribed);
    const closing = link.close();
    await stopped.promise;
    expect(closeTrack).not.toHaveBeenCalled();
    room.out.open();
    await closing;
    // Not with its source, which is closed already.
    expect(closeTrack.mock.calls).toEqual([[false]]);
  });

  it('does not wait for ever to have left', async () => {
    const link = await joined();
    jest.useFakeTimers();
    const closing = link.close();
    jest.advanceTimersByTime(2_000);
    await closing;
  });
});
