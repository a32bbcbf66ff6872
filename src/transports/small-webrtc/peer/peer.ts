import type { OutgoingRtp, RtpPacket } from '../../../media/rtp/rtp-packet.js';
import type { VideoCodec } from '../../../media/rtp/video-payload.js';

/** A STUN or TURN server, as `RTCPeerConnection` takes it in browsers. */
export interface IceServer {
  readonly urls: string | readonly string[];
  readonly username?: string;
  readonly credential?: string;
}

/** The client's tracks, in the order in which Pipecat's clients have them. */
export const TRACK_NAMES = ['microphone', 'camera', 'screenVideo'] as const;
export type TrackName = (typeof TRACK_NAMES)[number];

/** What was agreed on for a track. */
export interface NegotiatedTrack {
  readonly name: TrackName;
  readonly codec: 'opus' | VideoCodec;
  /** Whether the client sends on it, and whether it receives. */
  readonly clientSends: boolean;
  readonly clientReceives: boolean;
}

/** A way on which the client may be reached. */
export interface RemoteCandidate {
  /** The line, with `candidate:` in front. */
  readonly candidate: string;
  readonly mid: string;
}

/** How a {@link Peer} connects. */
export interface PeerOptions {
  readonly iceServers: readonly IceServer[];
  /** `relay`: through TURN only. */
  readonly iceTransportPolicy: 'all' | 'relay';
  /** Addresses to name beside those of the machine's own interfaces. */
  readonly hostAddresses: readonly string[];
  readonly udpPortRange: readonly [min: number, max: number] | undefined;
  /** How long STUN and TURN servers may take before the answer goes without what they would add, in milliseconds. */
  readonly gatheringTimeoutMs: number;
}

/** What a {@link Peer} tells. None of it throws. */
export interface PeerEvents {
  connected(): void;
  /** The connection could not be made, or broke for good. */
  failed(message: string): void;
  /** The client closed its side. */
  left(): void;
  /** Messages can be sent from now on. */
  channelOpen(): void;
  message(text: string): void;
  rtp(track: TrackName, packet: RtpPacket): void;
  /** The client cannot go on with what it has of a track's pictures. */
  keyframeRequested(track: TrackName): void;
  /** ICE servers did not answer in time. */
  gatheringTimedOut(): void;
}

/** What is known of how well a connection does. */
export interface PeerStats {
  /** Between the two, there and back, in milliseconds. */
  readonly roundTripMs: number | undefined;
  /** Of what the bot sent, as the client reports it: 0 to 1. */
  readonly lossOut: number | undefined;
}

/**
 * A peer connection, as far as the runner needs one: it answers offers, carries one data channel and RTP, and tells what happens.
 * This is the port behind which a WebRTC implementation stands.
 */
export interface Peer {
  /**
   * Answers an offer, the first or another.
   * @param sdp as `readOffer` left it
   * @throws when the offer cannot be answered
   */
  answer(sdp: string): Promise<{ readonly sdp: string; readonly tracks: NegotiatedTrack[] }>;
  addCandidate(candidate: RemoteCandidate): void;
  /** @returns whether it was sent: not while there is no open channel */
  send(text: string): boolean;
  sendRtp(track: TrackName, packet: OutgoingRtp): void;
  requestKeyframe(track: TrackName): void;
  stats(): Promise<PeerStats>;
  /** Sends what was said last, and closes all there is. Calling it again changes nothing. */
  close(): Promise<void>;
}

/** A WebRTC implementation. */
export interface PeerStack {
  create(options: PeerOptions, events: PeerEvents): Peer;
}
