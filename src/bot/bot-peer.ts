/** ICE candidate of a client, as its signalling names it. */
export interface PeerCandidate {
  /** Candidate line; an empty one is the end of candidates. */
  readonly candidate: string;
  /** The `mid` of its media section. */
  readonly mid?: string;
  /** Index of its media section, from 0. */
  readonly index?: number;
}

/** Configuration of a peer connection in the bot's process. Times are in milliseconds. */
export interface PeerConfig {
  readonly iceServers: readonly {
    readonly urls: string | readonly string[];
    readonly username?: string;
    readonly credential?: string;
  }[];
  readonly iceTransportPolicy: 'all' | 'relay';
  /** UDP ports of its candidates. */
  readonly udpPortRange?: readonly [min: number, max: number];
  readonly gatheringTimeoutMs: number;
  readonly connectTimeoutMs: number;
  readonly peerTimeoutMs: number;
}

/** Signalling of the client for its peer connection in the bot's process. */
export type PeerRequest =
  /** Answered with `answer` under the same `id`. The first one precedes the bot. `restart` replaces the peer connection. */
  | {
      readonly type: 'offer';
      readonly id: number;
      readonly sdp: string;
      readonly restart: boolean;
    }
  | { readonly type: 'candidates'; readonly candidates: readonly PeerCandidate[] };

/** `left`: the client closed the connection. `silent`: its heartbeat is missing. `failed`: the connection could not be made, or broke. */
export const PEER_STATES = ['connected', 'left', 'silent', 'failed'] as const;

/** Signalling of the bot's process. */
export type PeerReport =
  /** The answer to an offer, or the reason why it cannot be answered. */
  | { readonly type: 'answer'; readonly id: number; readonly sdp: string }
  | { readonly type: 'answer'; readonly id: number; readonly error: string }
  | { readonly type: 'peer'; readonly state: (typeof PEER_STATES)[number] };

/** Facts of a bot that is ready. */
export interface BotReady {
  /** SHA-256 fingerprints (hex) of its TLS certificates, of a bot that is a server itself. */
  readonly certFingerprints?: readonly string[];
}

/** Peer connection that lives in the bot's process; only its signalling passes through the runner. */
export interface BotPeer {
  readonly config: PeerConfig;
  /** Sends the requests, those made before included, to the process that was started. */
  connectTo(send: (request: PeerRequest) => void): void;
  receive(report: PeerReport): void;
}
