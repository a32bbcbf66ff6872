import { describe, expect, it } from '@jest/globals';
import { packetizeVideo } from '../../media/rtp/video-payload.js';
import { VideoTrack } from './tracks.js';

describe('the pictures of a track', () => {
  const MEBIBYTE = 1_048_576;

  /** How many pictures of a size are kept of 200 that nobody reads. */
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
});
