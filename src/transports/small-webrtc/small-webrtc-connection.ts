import { isObject } from '../../validation/is-object.js';
import { randomUUID } from 'node:crypto';
import { RunnerError } from '../../errors/runner.error.js';
import { isInstance, textOfThrown } from '../../errors/thrown.js';
import type { MediaEnd } from '../../media/media-connection.js';
import { parseJson } from '../../limits/json-limits.js';
import { BufferedEmitter, MESSAGE_BUFFER } from '../../media/buffered-emitter.js';
import type { WebRtcAnswer } from './dto/webrtc-answer.dto.js';
import type { NegotiatedTrack, Peer, PeerEvents, PeerStats } from './peer/peer.js';
import {
  CandidateLimit,
  type CandidateSection,
  contradictoryOffer,
  MAX_OFFERS,
  tooManyOffers,
} from './negotiator.js';
import { type Offer, ufragOf, usableCandidate } from './sdp.js';
import { AudioTrack, VideoTrack } from './tracks.js';

/** State machine of a connection. `disconnected`: the heartbeat of the client is missing; it may reconnect. */
export type ConnectionState = 'new' | 'connecting' | 'connected' | 'disconnected' | 'closed';

/** @see SmallWebRTCConnection */
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
  warn(message: string): void;
  /** A listener threw or rejected. */
  fail(error: unknown): void;
  ended(end: MediaEnd): void;
}

/** Options of a {@link SmallWebRTCConnection}. */
export interface ConnectionOptions {
  /** Creates the peer connection, at first and for a restart. */
  readonly createPeer: (events: PeerEvents) => Peer;
  /** Rewrites the SDP of an answer before it is sent. */
  readonly adaptAnswer: (sdp: string) => string;
  /** Timeout for connecting, in milliseconds. */
  readonly connectTimeoutMs: number;
  /** Heartbeat timeout, in milliseconds, after which a client that sends pings is gone. */
  readonly peerTimeoutMs: number;
}

/** Message type of the envelope for signalling between Pipecat's clients and servers. */
const SIGNALLING = 'signalling';
/** Prefix of a client's heartbeat, sent once a second. */
const PING = 'ping';
/** Heartbeat timeout, in milliseconds, after which a client is `disconnected`. */
const HEARTBEAT_TIMEOUT_MS = 3_000;
/** The most messages and characters queued until the data channel opens, and the longest wait for it after connecting, in milliseconds. */
const MAX_QUEUED = 50;
const MAX_QUEUED_LENGTH = 1_000_000;
const CHANNEL_TIMEOUT_MS = 10_000;
/** Shortest interval between renegotiation requests to the client, in milliseconds. */
const RENEGOTIATE_AGAIN_MS = 2_000;
/** The most events buffered until a listener is attached. */
const MAX_BUFFERED = 1_000;

let made = 0;

/**
 * WebRTC peer connection to a client, in `args.webrtc_connection`. `createTransport(args)` covers audio and messages; use this for video or
 * raw Opus packets.
 *
 * Events are buffered until the first listener is attached.
 */
export class SmallWebRTCConnection extends BufferedEmitter<SmallWebRTCConnectionEvents> {
  /** Connection id in the signalling between client and runner. */
  readonly pcId = `SmallWebRTCConnection#${made++}-${randomUUID().replaceAll('-', '')}`;
  /** The client's microphone and the bot's audio. */
  readonly audio: AudioTrack;
  /** The client's camera and the bot's video. */
  readonly camera: VideoTrack;
  /** The client's screen. */
  readonly screenVideo: VideoTrack;
  private currentState: ConnectionState = 'new';
  private everConnected = false;
  private peer: Peer | undefined;
  private offer: Offer | undefined;
  private readonly candidateLimit = new CandidateLimit();
  private lastAnswer: WebRtcAnswer | undefined;
  private negotiating: Promise<unknown> = Promise.resolve();
  private offers = 0;
  private queued: string[] = [];
  private queuedLength = 0;
  private queues = true;
  private askedMs = -Infinity;
  private connectTimer: NodeJS.Timeout | undefined;
  private channelTimer: NodeJS.Timeout | undefined;
  private heartbeatTimer: NodeJS.Timeout | undefined;
  private closing: Promise<void> | undefined;
  private readonly warned = new Set<string>();

  /** @internal Created by the runner. */
  constructor(
    private readonly options: ConnectionOptions,
    private readonly observer: ConnectionObserver,
  ) {
    const room = { limit: MAX_BUFFERED, sizeOf: () => 1 };
    super({
      connected: room,
      disconnected: room,
      closed: room,
      'app-message': MESSAGE_BUFFER,
      'track-started': room,
      'track-ended': room,
    });
    const peer = (): Peer => this.peer!;
    const fail = (thrown: unknown): void => this.fail(thrown);
    this.audio = new AudioTrack('microphone', peer, fail);
    this.camera = new VideoTrack('camera', peer, fail);
    this.screenVideo = new VideoTrack('screenVideo', peer, fail);
  }

  get state(): ConnectionState {
    return this.currentState;
  }

  get isConnected(): boolean {
    return this.currentState === 'connected';
  }

  /** The answer to the client's last offer. */
  get answer(): WebRtcAnswer | undefined {
    return this.lastAnswer;
  }

  /** True once the client was connected. */
  get wasConnected(): boolean {
    return this.everConnected;
  }

  /**
   * @internal Answers an offer: the first one, or a renegotiation.
   *
   * @param restart replaces the peer connection; the bot only sees a short `disconnected`
   * @throws {RunnerError} `BAD_REQUEST` for an offer that cannot be answered, `OVERLOADED` without a UDP port, `WRONG_STATE` when the connection is
   * closed in the meantime or too many offers are pending
   */
  async renegotiate(offer: Offer, restart = false): Promise<WebRtcAnswer> {
    if (this.offers >= MAX_OFFERS) throw tooManyOffers();
    this.offers++;
    // Serialised: each negotiation builds on the one before.
    const answer = this.negotiating.then(() => this.answerTo(offer, restart));
    this.negotiating = answer.catch(() => undefined).then(() => this.offers--);
    return answer;
  }

  /** Requests renegotiation, as when the bot wants to send video. */
  askToRenegotiate(): void {
    const now = performance.now();
    if (now - this.askedMs < RENEGOTIATE_AGAIN_MS) return;
    this.askedMs = now;
    this.signal({ type: 'renegotiate' });
  }

  /**
   * @internal Adds an ICE candidate of the client (trickle ICE).
   * @param where the media section of the candidate
   * @throws {RunnerError} `BAD_REQUEST` for a malformed candidate
   */
  addCandidate(line: string, where: CandidateSection): void {
    // Unusable candidates do not count: a client with mDNS names only is discovered as peer-reflexive.
    const candidate = line === '' ? undefined : usableCandidate(line);
    const { mids = [], ufrag } = this.offer ?? {};
    const mid = where.mid !== undefined ? where.mid : mids[where.index ?? 0];
    const generation = candidate && ufragOf(candidate);
    if (!candidate || mid === undefined || !mids.includes(mid)) return;
    if (generation !== undefined && generation !== ufrag) return;
    if (this.candidateLimit.take()) this.peer?.addCandidate({ candidate, mid });
  }

  /**
   * Sends a message to the client's application. Queued until the data channel opens.
   * @returns false when it is not sent: the client has no data channel, or the queue is full
   */
  sendAppMessage(message: unknown): boolean {
    const text = JSON.stringify(message);
    if (this.peer?.send(text)) return true;
    if (this.currentState === 'closed' || !this.queues) return false;
    const length = this.queuedLength + text.length;
    if (this.queued.length >= MAX_QUEUED || length > MAX_QUEUED_LENGTH) {
      this.warnOnce(
        `more than ${MAX_QUEUED} messages, or ${MAX_QUEUED_LENGTH} characters, wait for the client; the newest are dropped`,
      );
      return false;
    }
    this.queuedLength = length;
    this.queued.push(text);
    return true;
  }

  /** Returns quality statistics. */
  async stats(): Promise<PeerStats> {
    return (await this.peer?.stats()) ?? { roundTripMs: undefined, lossOut: undefined };
  }

  /** Notifies the client that the bot leaves, and closes the connection. */
  disconnect(end: MediaEnd = { reason: 'closed', message: 'The bot left.' }): Promise<void> {
    if (this.currentState !== 'closed') {
      this.signal({ type: 'peerLeft' });
      this.end(end);
    }
    return this.closing ?? Promise.resolve();
  }

  private async answerTo(offer: Offer, restart: boolean): Promise<WebRtcAnswer> {
    this.refuseWhenClosed();
    if (restart && this.peer) {
      this.setState('disconnected');
      clearTimeout(this.heartbeatTimer);
      void this.closePeer(this.peer);
      this.peer = undefined;
    }
    this.peer ??= this.newPeer();
    const { sdp, tracks } = await this.peer.answer(offer.sdp).catch((cause: unknown) => {
      throw isInstance(cause, RunnerError) ? cause : contradictoryOffer(cause);
    });
    this.refuseWhenClosed();
    if (this.offer?.ufrag !== offer.ufrag) this.candidateLimit.renew();
    this.offer = offer;
    this.updateTracks(tracks);
    this.lastAnswer = {
      sdp: this.options.adaptAnswer(offer.completeAnswer(sdp)),
      type: 'answer',
      pc_id: this.pcId,
    };
    return this.lastAnswer;
  }

  private refuseWhenClosed(): void {
    if (this.currentState !== 'closed') return;
    throw new RunnerError('WRONG_STATE', 'The session has ended meanwhile.');
  }

  private newPeer(): Peer {
    clearTimeout(this.connectTimer);
    this.connectTimer = setTimeout(
      () => this.end({ reason: 'failed', message: 'The client did not connect in time.' }),
      this.options.connectTimeoutMs,
    );
    if (this.currentState === 'new') this.currentState = 'connecting';
    this.queues = true;
    // Ignores events of a peer that was replaced.
    const ifCurrent =
      <A extends unknown[]>(handle: (...args: A) => void) =>
      (...args: A): void => {
        if (this.peer !== peer || this.currentState === 'closed') return;
        try {
          handle(...args);
        } catch (error) {
          this.fail(error);
        }
      };
    const peer: Peer = this.options.createPeer({
      connected: ifCurrent(() => this.connected()),
      failed: ifCurrent((message) => this.end({ reason: 'failed', message })),
      left: ifCurrent(() => this.end({ reason: 'peer_left', message: 'The client left.' })),
      channelOpen: ifCurrent(() => this.flush()),
      message: ifCurrent((text) => this.receive(text)),
      rtp: ifCurrent((name, packet) => this.track(name).receive(packet)),
      keyframeRequested: ifCurrent((name) => {
        const track = this.track(name);
        if (track instanceof VideoTrack) track.emit('keyframe-requested');
      }),
      gatheringTimedOut: () =>
        this.observer.warn('the ICE servers did not answer in time; the answer is without them'),
    });
    return peer;
  }

  /** Closes a peer. Never rejects, since the result may not be awaited. */
  private async closePeer(peer: Peer): Promise<void> {
    try {
      await peer.close();
    } catch (thrown) {
      this.observer.warn(`closing the peer connection failed: ${textOfThrown(thrown).text}`);
    }
  }

  private get tracks() {
    return [this.audio, this.camera, this.screenVideo];
  }

  private track(name: NegotiatedTrack['name']): AudioTrack | VideoTrack {
    return this.tracks.find((track) => track.name === name)!;
  }

  private updateTracks(negotiated: readonly NegotiatedTrack[]): void {
    for (const track of this.tracks) {
      const before = track.clientSends;
      track.update(negotiated.find(({ name }) => name === track.name));
      if (track.clientSends && !before) this.notify('track-started', track);
      if (!track.clientSends && before) this.notify('track-ended', track);
    }
  }

  private connected(): void {
    clearTimeout(this.connectTimer);
    clearTimeout(this.channelTimer);
    this.channelTimer = setTimeout(() => {
      if (this.queued.length > 0) {
        this.observer.warn(`the client opened no channel; ${this.queued.length} messages dropped`);
      }
      this.takeQueued();
      this.queues = false;
    }, CHANNEL_TIMEOUT_MS);
    this.setState('connected');
  }

  private flush(): void {
    clearTimeout(this.channelTimer);
    for (const text of this.takeQueued()) this.peer!.send(text);
  }

  private takeQueued(): string[] {
    this.queuedLength = 0;
    return this.queued.splice(0);
  }

  private receive(text: string): void {
    if (text.startsWith(PING)) return this.onHeartbeat();
    let message: { type?: unknown; message?: unknown };
    try {
      message = parseJson(text) as typeof message;
    } catch {
      return this.warnOnce('the client sent a message that is not JSON, or too deep; ignored');
    }
    if (message?.type === SIGNALLING) {
      // Only Pipecat's clients send signalling, so heartbeats will follow. The client may be killed before its first one.
      this.onHeartbeat();
      this.onSignal(message.message);
    } else this.notify('app-message', message);
  }

  private onSignal(message: unknown): void {
    if (!isObject(message)) return;
    const { type, receiver_index, enabled } = message;
    if (type !== 'trackStatus' || typeof enabled !== 'boolean') return;
    // Found by index and not as a key, since the client chooses the value: `__proto__` is a key of every object.
    const track = this.tracks.find((_, index) => index === receiver_index);
    if (track) track.enabled = enabled && track.clientSends;
  }

  /** Handles a heartbeat of the client. */
  private onHeartbeat(): void {
    clearTimeout(this.heartbeatTimer);
    this.heartbeatTimer = setTimeout(
      () => {
        this.setState('disconnected');
        this.heartbeatTimer = setTimeout(
          () => this.end({ reason: 'peer_left', message: 'Nothing was heard of the client.' }),
          Math.max(0, this.options.peerTimeoutMs - HEARTBEAT_TIMEOUT_MS),
        );
      },
      Math.min(HEARTBEAT_TIMEOUT_MS, this.options.peerTimeoutMs),
    );
    this.setState('connected');
  }

  private signal(message: object): void {
    this.peer?.send(JSON.stringify({ type: SIGNALLING, message }));
  }

  private setState(state: 'connected' | 'disconnected'): void {
    if (this.currentState === state || this.currentState === 'closed') return;
    // `disconnected` follows only on `connected`.
    if (state === 'disconnected' && this.currentState !== 'connected') return;
    this.currentState = state;
    this.everConnected ||= state === 'connected';
    this.notify(state);
  }

  private end(end: MediaEnd): void {
    if (this.currentState === 'closed') return;
    this.currentState = 'closed';
    for (const timer of [this.connectTimer, this.channelTimer, this.heartbeatTimer]) {
      clearTimeout(timer);
    }
    this.queued = [];
    this.updateTracks([]);
    this.closing = this.peer && this.closePeer(this.peer);
    this.observer.ended(end);
    this.notify('closed', end);
  }

  protected override dropped(): void {
    this.warnOnce('the bot does not read its messages; the oldest are dropped');
  }

  /** Logs each warning once, since the client decides how often it occurs. */
  private warnOnce(message: string): void {
    if (this.warned.has(message)) return;
    this.warned.add(message);
    this.observer.warn(message);
  }

  protected override fail(error: unknown): void {
    this.observer.fail(error);
  }
}
