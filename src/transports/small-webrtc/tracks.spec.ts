import { getEventListeners } from 'node:events';
import { describe, expect, it, jest } from '@jest/globals';
import { packetizeVideo } from '../../media/rtp/video-payload.js';
import { VideoTrack } from './tracks.js';

describe('the pictures of a track', () => {
  const MEBIBYTE = 1_048_576;

  /** Returns how many pictures of a size are kept of 200 that nobody reads. */
  async function kept(bytes: number): Promise<number> {
    const track = new VideoTrack(
      'camera',
      () => ({ sendRtp: () => undefined, requestKeyframe: () => undefined }),
      () => undefined,
    );
    const end = new AbortController();
    const frames = track.frames(end.signal);
    let sequenceNumber = 0;
    const data = Buffer.alloc(bytes);
    for (let i = 0; i < 200; i++) {
      for (const packet of packetizeVideo({ data, timestampMs: i * 40 }, 'VP8')) {
        track.receive({
          ...packet,
          ssrc: 1,
          payloadType: 96,
          sequenceNumber: sequenceNumber++ & 0xffff,
        });
      }
    }
    end.abort();
    let count = 0;
    for await (const frame of frames) count += frame.data.length === bytes ? 1 : 0;
    return count;
  }

  it('wait for a bot, but not more of them than memory is meant for', async () => {
    expect(await kept(1_000)).toBe(150);
    expect(await kept(MEBIBYTE)).toBe(16);
  });

  it('that were dropped are followed by a keyframe, which a reader needs to go on', () => {
    const requestKeyframe = jest.fn();
    const track = new VideoTrack(
      'camera',
      () => ({ sendRtp: () => undefined, requestKeyframe }),
      () => undefined,
    );
    track.clientSends = true;
    const end = new AbortController();
    track.frames(end.signal);
    const frame = { codec: 'VP8', data: Buffer.alloc(1), keyframe: false, timestampMs: 0 } as const;
    for (let i = 0; i < 150; i++) track.emit('frame', frame);
    requestKeyframe.mockClear();
    track.emit('frame', frame);
    expect(requestKeyframe.mock.calls).toEqual([['camera']]);
  });

  it('are asked for whole at most five times a second', () => {
    jest.useFakeTimers();
    const requested = jest.fn();
    const track = new VideoTrack(
      'camera',
      () => ({ sendRtp: () => undefined, requestKeyframe: () => undefined }),
      () => undefined,
    );
    track.on('keyframe-requested', requested);
    const flood = (): void => {
      for (let i = 0; i < 20; i++) track.keyframeRequested();
    };
    flood();
    expect(requested).toHaveBeenCalledTimes(5);
    jest.advanceTimersByTime(999);
    flood();
    expect(requested).toHaveBeenCalledTimes(5);
    jest.advanceTimersByTime(1);
    flood();
    expect(requested).toHaveBeenCalledTimes(10);
    jest.useRealTimers();
  });

  it('leave nothing on the signal of a reader that stopped', async () => {
    const track = new VideoTrack(
      'camera',
      () => ({ sendRtp: () => undefined, requestKeyframe: () => undefined }),
      () => undefined,
    );
    const { signal } = new AbortController();
    const frames = track.frames(signal);
    expect(getEventListeners(signal, 'abort')).toHaveLength(1);
    await frames.return!();
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
    expect(track.listenerCount('frame')).toBe(0);
  });
});
