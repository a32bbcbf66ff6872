import { EventEmitter } from 'node:events';
import { AsyncQueue } from '../../media/async-queue.js';
import type { OutgoingRtp, RtpPacket } from '../../media/rtp/rtp-packet.js';
import type { VideoCodec } from '../../media/rtp/video-payload.js';
import { type VideoFrame, VideoReceiver } from '../../media/rtp/video-receiver.js';
import { type OutgoingVideo, packetizeVideo } from '../../media/rtp/video-sender.js';
import type { NegotiatedTrack, Peer, TrackName } from './peer/peer.js';

/** What a track needs of its connection; the peer behind it may be made anew. */
export type CurrentPeer = () => Pick<Peer, 'sendRtp' | 'requestKeyframe'>;

/** What both kinds of tracks have in common. */
abstract class Track<Events extends Record<keyof Events, unknown[]>> extends EventEmitter<Events> {
  /** Whether the client sends on it, and has not muted it. */
  enabled = false;
  /** Whether the client agreed to send on it. */
  clientSends = false;
  /** Whether the client agreed to receive on it. */
  clientReceives = false;

  constructor(
    readonly name: TrackName,
    protected readonly peer: CurrentPeer,
    private readonly fail: (thrown: unknown) => void,
  ) {
    super({ captureRejections: true });
  }

  /** EventEmitter's: a listener's promise rejected. */
  [Symbol.for('nodejs.rejection')](thrown: unknown): void {
    this.fail(thrown);
  }

  /** @internal What the client agreed to; `undefined`: it has no such track. */
  update(negotiated: NegotiatedTrack | undefined): void {
    const { clientSends = false, clientReceives = false } = negotiated ?? {};
    if (clientSends !== this.clientSends) this.enabled = clientSends;
    this.clientSends = clientSends;
    this.clientReceives = clientReceives;
  }

  /** @internal */
  abstract receive(packet: RtpPacket): void;
}

/** Sound both ways, as Opus in RTP. `createTransport` makes samples of it. */
export class AudioTrack extends Track<{ packet: [RtpPacket] }> {
  /** @internal */
  receive(packet: RtpPacket): void {
    this.emit('packet', packet);
  }

  /** Sends a packet of Opus. */
  send(packet: OutgoingRtp): void {
    if (this.clientReceives) this.peer().sendRtp(this.name, packet);
  }
}

/** @see VideoTrack */
interface VideoTrackEvents {
  frame: [frame: VideoFrame];
  /** The client cannot show the bot's pictures until it gets one that needs none before it. */
  'keyframe-requested': [];
}

/** So many pictures wait for a bot that does not read them, some seconds, or so many bytes of them. Then the oldest go. */
const MOST_WAITING = 150;
const MOST_WAITING_BYTES = 16 * 1_048_576;
const LEAST_PICTURE_BYTES = Math.floor(MOST_WAITING_BYTES / MOST_WAITING);

/** Pictures both ways, encoded. They are put together only while someone listens. */
export class VideoTrack extends Track<VideoTrackEvents> {
  /** What pictures are encoded in, both ways. */
  codec: VideoCodec = 'VP8';
  private readonly receiver = new VideoReceiver({
    frame: (frame) => this.emit('frame', frame),
    keyframeNeeded: () => this.requestKeyframe(),
  });

  constructor(name: TrackName, peer: CurrentPeer, fail: (thrown: unknown) => void) {
    super(name, peer, fail);
    (this as EventEmitter).on('newListener', (event: string) => {
      // Who begins to look needs a picture to begin with.
      if (event === 'frame' && this.listenerCount('frame') === 0) this.requestKeyframe();
    });
  }

  /** @internal */
  override update(negotiated: NegotiatedTrack | undefined): void {
    super.update(negotiated);
    if (negotiated && negotiated.codec !== 'opus') this.codec = negotiated.codec;
  }

  /** @internal */
  receive(packet: RtpPacket): void {
    if (this.listenerCount('frame') === 0) return;
    this.receiver.push(packet, this.codec, performance.now());
  }

  /** The client's pictures, until `signal` aborts. */
  frames(signal: AbortSignal): AsyncIterableIterator<VideoFrame> {
    const push = (frame: VideoFrame): void => {
      // What is left does not stand alone.
      if (inbox.push(frame) > 0) this.requestKeyframe();
    };
    const end = (): void => inbox.end();
    const inbox = new AsyncQueue<VideoFrame>(
      MOST_WAITING_BYTES,
      ({ data }) => Math.max(data.length, LEAST_PICTURE_BYTES),
      () => {
        this.off('frame', push);
        signal.removeEventListener('abort', end);
      },
    );
    this.on('frame', push);
    if (signal.aborted) end();
    else signal.addEventListener('abort', end);
    return inbox;
  }

  /** Asks the client for a picture that needs none before it. */
  requestKeyframe(): void {
    if (this.clientSends) this.peer().requestKeyframe(this.name);
  }

  /**
   * Shows a picture, encoded in {@link codec}.
   * @returns false when the client does not look
   */
  send(picture: OutgoingVideo): boolean {
    if (!this.clientReceives) return false;
    for (const packet of packetizeVideo(picture, this.codec))
      this.peer().sendRtp(this.name, packet);
    return true;
  }
}
