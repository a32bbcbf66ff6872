import type { OutgoingRtp } from './rtp-packet.js';
import { type VideoCodec, VIDEO_PAYLOADS } from './video-payload.js';

/** What fits into a packet beside all headers on any usual way, in bytes. */
const MOST_BYTES = 1_100;
const CLOCK_KHZ = 90;

/** An encoded picture to be sent. */
export interface OutgoingVideo {
  /** A frame of VP8, or the units of an H.264 picture in Annex B form. */
  readonly data: Buffer;
  /** When it is to be shown, in milliseconds since the first. */
  readonly timestampMs: number;
}

/** The packets of a picture. */
export function packetsOf({ data, timestampMs }: OutgoingVideo, codec: VideoCodec): OutgoingRtp[] {
  const timestamp = Math.round(timestampMs * CLOCK_KHZ) % 2 ** 32;
  const payloads = VIDEO_PAYLOADS[codec].pack(data, MOST_BYTES);
  return payloads.map((payload, i) => ({
    payload,
    timestamp,
    marker: i === payloads.length - 1,
  }));
}
