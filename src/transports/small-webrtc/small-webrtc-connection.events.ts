import type { LoopUser } from '../../limits/event-loop.js';
import type { MediaEnd } from '../../media/media-connection.js';
import type { Peer, PeerEvents } from './peer/peer.js';
import type { AudioTrack, VideoTrack } from './tracks.js';

/** State machine of a connection. `disconnected`: the heartbeat of the client is missing; it may reconnect. */
export type ConnectionState = 'new' | 'connecting' | 'connected' | 'disconnected' | 'closed';

/** Events of a `SmallWebRTCConnection`. */
export interface SmallWebRTCConnectionEvents {
  /** The client is connected, or reconnected. */
  connected: [];
  /** The heartbeat of the client is missing; it may reconnect. */
  disconnected: [];
  /** Emitted once, as the last event. */
  closed: [end: MediaEnd];
  /** An application message of the client, such as RTVI's. */
  'app-message': [message: unknown];
  /** The client starts sending on a track. */
  'track-started': [track: AudioTrack | VideoTrack];
  /** The client stops sending on a track. */
  'track-ended': [track: AudioTrack | VideoTrack];
}

/** Receives what concerns the session. */
export interface ConnectionObserver {
  /** The session whose bot listens. */
  readonly bot?: LoopUser;
  warn(message: string): void;
  /** A listener threw or rejected. */
  fail(error: unknown): void;
  ended(end: MediaEnd): void;
}

/** Options of a `SmallWebRTCConnection`. */
export interface ConnectionOptions {
  /** Session id, which is part of the connection's. */
  readonly sessionId: string;
  /** Creates the peer connection, at first and for a restart. */
  readonly createPeer: (events: PeerEvents) => Peer;
  /** Rewrites the SDP of an answer before it is sent. */
  readonly adaptAnswer: (sdp: string) => string;
  /** Timeout for connecting, in milliseconds. */
  readonly connectTimeoutMs: number;
  /** Heartbeat timeout, in milliseconds, after which a client that sends pings is gone. */
  readonly peerTimeoutMs: number;
}
