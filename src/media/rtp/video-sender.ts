import type { OutgoingRtp } from './rtp-packet.js';
import { type VideoCodec, VIDEO_PAYLOADS } from './video-payload.js';

/** Largest RTP payload, in bytes: it fits the usual MTUs with all headers. */
const MAX_PAYLOAD_BYTES = 1_100;
const CLOCK_KHZ = 90;

/** An encoded video frame to send. */
export interface OutgoingVideo {
  /** A VP8 frame, or the NAL units of an H.264 access unit in Annex B format. */
  readonly data: Buffer;
  /** Presentation time, in milliseconds since the first frame. */
  readonly timestampMs: number;
}

/** Packetizes a video frame. */
export function packetizeVideo(
  { data, timestampMs }: OutgoingVideo,
  codec: VideoCodec,
): OutgoingRtp[] {
  const timestamp = Math.round(timestampMs * CLOCK_KHZ) % 2 ** 32;
  const payloads = VIDEO_PAYLOADS[codec].pack(data, MAX_PAYLOAD_BYTES);
  return payloads.map((payload, i) => ({
    payload,
    timestamp,
    marker: i === payloads.length - 1,
  }));
}
