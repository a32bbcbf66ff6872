import type { OutgoingRtp, RtpPacket } from '../../../media/rtp/rtp-packet.js';
import type { VideoCodec } from '../../../media/rtp/video-payload.js';

/** STUN or TURN server, as for `RTCPeerConnection` in browsers. */
export interface IceServer {
  readonly urls: string | readonly string[];
  readonly username?: string;
  readonly credential?: string;
}

/** The client's tracks, in the order of Pipecat's clients. */
export const TRACK_NAMES = ['microphone', 'camera', 'screenVideo'] as const;
export type TrackName = (typeof TRACK_NAMES)[number];

/** Negotiated direction of a track. */
export interface NegotiatedTrack {
  readonly name: TrackName;
  readonly codec: 'opus' | VideoCodec;
  /** True when the client sends on the track. */
  readonly clientSends: boolean;
  readonly clientReceives: boolean;
}

/** ICE candidate of the client. */
export interface RemoteCandidate {
  /** Candidate line, with the prefix `candidate:`. */
  readonly candidate: string;
  readonly mid: string;
}

/** Options of a {@link Peer}. */
export interface PeerOptions {
  readonly iceServers: readonly IceServer[];
  /** `relay`: TURN relay candidates only. */
  readonly iceTransportPolicy: 'all' | 'relay';
  /** IP addresses to announce as host candidates beside those of the machine's interfaces. */
  readonly hostAddresses: readonly string[];
  readonly udpPortRange: readonly [min: number, max: number] | undefined;
  /** Timeout of ICE gathering, in milliseconds. The answer then goes out without the candidates of STUN and TURN servers. */
  readonly gatheringTimeoutMs: number;
}

/** Events of a {@link Peer}. The handlers never throw. */
export interface PeerEvents {
  connected(): void;
  /** The connection failed for good. */
  failed(message: string): void;
  /** The client closed the connection. */
  left(): void;
  /** The data channel is open. */
  channelOpen(): void;
  message(text: string): void;
  rtp(track: TrackName, packet: RtpPacket): void;
  /** The client needs a keyframe of a track (PLI or FIR). */
  keyframeRequested(track: TrackName): void;
  /** ICE gathering timed out. */
  gatheringTimedOut(): void;
}

/** Quality statistics of a connection. */
export interface PeerStats {
  /** Round-trip time, in milliseconds. */
  readonly roundTripMs: number | undefined;
  /** Packet loss of the bot's media, from RTCP receiver reports: 0 to 1. */
  readonly lossOut: number | undefined;
}

/** Port of a WebRTC implementation: a peer connection that answers offers and carries one data channel and RTP. */
export interface Peer {
  /**
   * Answers an offer: the first one, or a renegotiation.
   * @param sdp SDP sanitised by `readOffer`
   * @throws when the offer cannot be answered
   */
  answer(sdp: string): Promise<{ readonly sdp: string; readonly tracks: NegotiatedTrack[] }>;
  addCandidate(candidate: RemoteCandidate): void;
  /** @returns false while there is no open data channel */
  send(text: string): boolean;
  sendRtp(track: TrackName, packet: OutgoingRtp): void;
  requestKeyframe(track: TrackName): void;
  stats(): Promise<PeerStats>;
  /** Flushes pending messages and closes the connection. Idempotent. */
  close(): Promise<void>;
}

/** A WebRTC implementation. */
export interface PeerStack {
  create(options: PeerOptions, events: PeerEvents): Peer;
}
