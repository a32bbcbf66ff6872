import { PerSecond } from '../../limits/per-second.js';
import { EventEmitter } from 'node:events';
import { AsyncQueue } from '../../media/async-queue.js';
import type { OutgoingRtp, RtpPacket } from '../../media/rtp/rtp-packet.js';
import {
  type VideoCodec,
  type OutgoingVideo,
  packetizeVideo,
} from '../../media/rtp/video-payload.js';
import { type VideoFrame, VideoReceiver } from '../../media/rtp/video-receiver.js';
import type { NegotiatedTrack, Peer, TrackName } from './peer/peer.js';

/** Accessor of the current peer, which a restart replaces. */
export type CurrentPeer = () => Pick<Peer, 'sendRtp' | 'requestKeyframe'>;

/** Base of audio and video tracks. */
abstract class Track<Events extends Record<keyof Events, unknown[]>> extends EventEmitter<Events> {
  /** True when the client sends on the track and has not muted it. */
  enabled = false;
  /** True when the client negotiated sending. */
  clientSends = false;
  /** True when the client negotiated receiving. */
  clientReceives = false;

  constructor(
    readonly name: TrackName,
    protected readonly peer: CurrentPeer,
    private readonly fail: (thrown: unknown) => void,
  ) {
    super({ captureRejections: true });
  }

  /** EventEmitter's hook for a rejected promise of a listener. */
  [Symbol.for('nodejs.rejection')](thrown: unknown): void {
    this.fail(thrown);
  }

  /** @internal Applies the negotiated direction; `undefined` when the client has no such track. */
  update(negotiated: NegotiatedTrack | undefined): void {
    const { clientSends = false, clientReceives = false } = negotiated ?? {};
    if (clientSends !== this.clientSends) this.enabled = clientSends;
    this.clientSends = clientSends;
    this.clientReceives = clientReceives;
  }

  /** @internal */
  abstract receive(packet: RtpPacket): void;

  /** @internal Notes that the client needs a keyframe. */
  keyframeRequested(): void {}
}

/** Bidirectional audio as Opus in RTP. `createTransport` decodes it. */
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
  /** The client needs a keyframe (PLI or FIR). At most five times a second: clients repeat it. */
  'keyframe-requested': [];
}

/** Buffer limits of video frames that the bot does not read: a number, some seconds, and bytes. The oldest are dropped. */
const MAX_BUFFERED = 150;
const MAX_BUFFERED_BYTES = 16 * 1_048_576;
const LEAST_PICTURE_BYTES = Math.floor(MAX_BUFFERED_BYTES / MAX_BUFFERED);

/** The most keyframes that a client may request in a second. */
const MAX_KEYFRAMES = 5;

/** Bidirectional encoded video. Frames are reassembled only while there is a listener. */
export class VideoTrack extends Track<VideoTrackEvents> {
  /** Negotiated video codec, both ways. */
  codec: VideoCodec = 'VP8';
  private readonly keyframes = new PerSecond(MAX_KEYFRAMES);
  private readonly receiver = new VideoReceiver({
    frame: (frame) => this.emit('frame', frame),
    keyframeNeeded: () => this.requestKeyframe(),
  });

  constructor(name: TrackName, peer: CurrentPeer, fail: (thrown: unknown) => void) {
    super(name, peer, fail);
    (this as EventEmitter).on('newListener', (event: string) => {
      // A new listener needs a keyframe to start decoding.
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

  /** @internal */
  override keyframeRequested(): void {
    if (this.keyframes.take()) this.emit('keyframe-requested');
  }

  /** Returns an iterator over the client's video frames, until `signal` aborts. */
  frames(signal: AbortSignal): AsyncIterableIterator<VideoFrame> {
    const push = (frame: VideoFrame): void => {
      // Frames after a dropped one cannot be decoded without a keyframe.
      if (inbox.push(frame) > 0) this.requestKeyframe();
    };
    const end = (): void => inbox.end();
    const inbox = new AsyncQueue<VideoFrame>(
      MAX_BUFFERED_BYTES,
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

  /** Requests a keyframe from the client (PLI). */
  requestKeyframe(): void {
    if (this.clientSends) this.peer().requestKeyframe(this.name);
  }

  /**
   * Sends a video frame encoded in {@link codec}.
   * @returns false when the client does not receive video
   */
  send(picture: OutgoingVideo): boolean {
    if (!this.clientReceives) return false;
    for (const packet of packetizeVideo(picture, this.codec))
      this.peer().sendRtp(this.name, packet);
    return true;
  }
}

/** The tracks of a client. */
export class ClientTracks {
  readonly audio: AudioTrack;
  readonly camera: VideoTrack;
  readonly screenVideo: VideoTrack;

  /**
   * @param fail receives what a listener threw
   * @param notify called when the client starts or stops sending on a track
   */
  constructor(
    peer: CurrentPeer,
    fail: (thrown: unknown) => void,
    private readonly notify: (
      event: 'track-started' | 'track-ended',
      track: AudioTrack | VideoTrack,
    ) => void,
  ) {
    this.audio = new AudioTrack('microphone', peer, fail);
    this.camera = new VideoTrack('camera', peer, fail);
    this.screenVideo = new VideoTrack('screenVideo', peer, fail);
  }

  private get all() {
    return [this.audio, this.camera, this.screenVideo];
  }

  get(name: TrackName): AudioTrack | VideoTrack {
    return this.all.find((track) => track.name === name)!;
  }

  /** Applies the negotiated directions. */
  update(negotiated: readonly NegotiatedTrack[]): void {
    for (const track of this.all) {
      const before = track.clientSends;
      track.update(negotiated.find(({ name }) => name === track.name));
      if (track.clientSends && !before) this.notify('track-started', track);
      if (!track.clientSends && before) this.notify('track-ended', track);
    }
  }

  /** Mutes the track of an index, which can be anything, or unmutes it. */
  mute(index: unknown, enabled: boolean): void {
    // Found by index and not as a key, since the client chooses the value: `__proto__` is a key of every object.
    const track = this.all.find((_, i) => i === index);
    if (track) track.enabled = enabled && track.clientSends;
  }
}
