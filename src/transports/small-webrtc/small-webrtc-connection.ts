import { randomUUID } from 'node:crypto';
import { RunnerError } from '../../errors/runner.error.js';
import { textOfThrown } from '../../errors/thrown.js';
import type { MediaEnd } from '../../media/media-connection.js';
import { parseJson } from '../../media/parse-json.js';
import { BufferedEmitter } from '../../media/buffered-emitter.js';
import { MESSAGE_BUFFER } from '../../media/estimate-bytes.js';
import type { WebRtcAnswer } from './dto/webrtc-answer.dto.js';
import type { NegotiatedTrack, Peer, PeerEvents, PeerStats } from './peer/peer.js';
import { type Offer, ufragOf, usableCandidate } from './sdp.js';
import { AudioTrack, VideoTrack } from './tracks.js';

/** Where a connection is. `disconnected`: nothing was heard of the client for a while; it may come back. */
export type ConnectionState = 'new' | 'connecting' | 'connected' | 'disconnected' | 'closed';

/** @see SmallWebRTCConnection */
export interface SmallWebRTCConnectionEvents {
  /** The client is there, or there again. */
  connected: [];
  /** Nothing is heard of the client; it may come back. */
  disconnected: [];
  /** Once, and the last of all. */
  closed: [end: MediaEnd];
  /** A message of the client's application, such as RTVI's. */
  'app-message': [message: unknown];
  /** The client sends on a track from now on. */
  'track-started': [track: AudioTrack | VideoTrack];
  /** The client sends on a track no more. */
  'track-ended': [track: AudioTrack | VideoTrack];
}

/** Who is told of what concerns the session. */
export interface ConnectionObserver {
  warn(message: string): void;
  /** A listener threw, or rejected. */
  fail(error: unknown): void;
  ended(end: MediaEnd): void;
}

/** How a {@link SmallWebRTCConnection} behaves. */
export interface ConnectionOptions {
  /** Makes the peer connection, at first and when it is made anew. */
  readonly createPeer: (events: PeerEvents) => Peer;
  /** What is done to an answer before the client gets it. */
  readonly adaptAnswer: (sdp: string) => string;
  /** How long connecting may take, in milliseconds. */
  readonly connectTimeoutMs: number;
  /** A client that has said that it is there, and does not say so again for this long, is gone. Milliseconds. */
  readonly peerTimeoutMs: number;
}

/** The envelope in which Pipecat's clients and servers talk about the connection itself. */
const SIGNALLING = 'signalling';
/** What a client sends once a second begins with this. */
const PING = 'ping';
/** A client that says it is there does so every second; silent for this long, it is `disconnected`. Milliseconds. */
const SILENT_MS = 3_000;
/** How many messages wait for the channel to open, and how long after connecting they do, in milliseconds. */
const MAX_QUEUED = 50;
const CHANNEL_TIMEOUT_MS = 10_000;
/** More ways to reach one client are not tried: each is a stranger's address that is knocked at. */
const MAX_CANDIDATES = 100;
/** More offers of one client do not wait for their answer: each takes some milliseconds. */
const MAX_OFFERS = 10;
/** The client is asked to renegotiate at most this often, in milliseconds. */
const RENEGOTIATE_AGAIN_MS = 2_000;
/** How many events wait for a bot that does not listen. */
const MAX_KEPT = 1_000;

let made = 0;

/**
 * A peer connection to a browser, in `args.webrtc_connection`. `createTransport(args)` makes sound and messages of it; this is for
 * bots that want more: pictures, or Opus as it comes.
 *
 * What happens before anyone listens is kept for the first who does.
 */
export class SmallWebRTCConnection extends BufferedEmitter<SmallWebRTCConnectionEvents> {
  /** Names the connection between the client and the runner. */
  readonly pcId = `SmallWebRTCConnection#${made++}-${randomUUID().replaceAll('-', '')}`;
  /** The client's microphone, and the bot's voice. */
  readonly audio: AudioTrack;
  /** The client's camera, and the bot's picture. */
  readonly camera: VideoTrack;
  /** The client's screen. */
  readonly screenVideo: VideoTrack;
  private currentState: ConnectionState = 'new';
  private everConnected = false;
  private peer: Peer | undefined;
  private offer: Offer | undefined;
  /** How many were given since the client's last ICE restart. */
  private candidates = 0;
  private lastAnswer: WebRtcAnswer | undefined;
  private negotiating: Promise<unknown> = Promise.resolve();
  private offers = 0;
  private queued: string[] = [];
  private queues = true;
  private askedMs = -Infinity;
  private connectTimer: NodeJS.Timeout | undefined;
  private channelTimer: NodeJS.Timeout | undefined;
  private silenceTimer: NodeJS.Timeout | undefined;
  private closing: Promise<void> | undefined;
  private readonly warned = new Set<string>();

  /** @internal Made by the runner. */
  constructor(
    private readonly options: ConnectionOptions,
    private readonly observer: ConnectionObserver,
  ) {
    const room = { limit: MAX_KEPT, sizeOf: () => 1 };
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

  /** What the client's last offer was answered with. */
  get answer(): WebRtcAnswer | undefined {
    return this.lastAnswer;
  }

  /** Whether the client was ever there. */
  get wasConnected(): boolean {
    return this.everConnected;
  }

  /**
   * @internal Answers an offer: the first, or one that changes what there is.
   *
   * @param restart whether the peer connection is made anew; the bot notices only that it is `disconnected` for a moment
   * @throws {RunnerError} `BAD_REQUEST` when it cannot be answered, `WRONG_STATE` when the connection is closed meanwhile, or too many offers
   * wait
   */
  async renegotiate(offer: Offer, restart = false): Promise<WebRtcAnswer> {
    if (this.offers >= MAX_OFFERS) {
      throw new RunnerError(
        'WRONG_STATE',
        `${MAX_OFFERS} offers of this client wait for their answer.`,
      );
    }
    this.offers++;
    // One after the other: each builds on what was agreed before.
    const answer = this.negotiating.then(() => this.answerTo(offer, restart));
    this.negotiating = answer.catch(() => undefined).then(() => this.offers--);
    return answer;
  }

  /** Asks the client for an offer, as when a bot wants to send pictures. */
  askToRenegotiate(): void {
    const now = performance.now();
    if (now - this.askedMs < RENEGOTIATE_AGAIN_MS) return;
    this.askedMs = now;
    this.signal({ type: 'renegotiate' });
  }

  /**
   * @internal A way on which the client may be reached.
   * @param where the media section it belongs to
   * @throws {RunnerError} `BAD_REQUEST` when it is none
   */
  addCandidate(line: string, where: { mid?: string; index?: number }): void {
    // There is always room for one more: a client that knows only names is found by what it sends.
    const candidate = line === '' ? undefined : usableCandidate(line);
    const { mids = [], ufrag } = this.offer ?? {};
    const mid = where.mid !== undefined ? where.mid : mids[where.index ?? 0];
    const generation = candidate && ufragOf(candidate);
    if (!candidate || mid === undefined || !mids.includes(mid)) return;
    if (generation !== undefined && generation !== ufrag) return;
    if (this.candidates++ < MAX_CANDIDATES) this.peer?.addCandidate({ candidate, mid });
  }

  /**
   * Sends a message to the client's application; it waits until the client can hear it.
   * @returns false when it is not sent: the client has no channel, or too many wait
   */
  sendAppMessage(message: unknown): boolean {
    const text = JSON.stringify(message);
    if (this.peer?.send(text)) return true;
    if (this.currentState === 'closed' || !this.queues) return false;
    if (this.queued.length >= MAX_QUEUED) {
      this.warnOnce(`more than ${MAX_QUEUED} messages wait for the client; the newest are dropped`);
      return false;
    }
    this.queued.push(text);
    return true;
  }

  /** How well the connection does. */
  async stats(): Promise<PeerStats> {
    return (await this.peer?.stats()) ?? { roundTripMs: undefined, lossOut: undefined };
  }

  /** Tells the client that the bot leaves, and closes the connection. */
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
      clearTimeout(this.silenceTimer);
      void this.closePeer(this.peer);
      this.peer = undefined;
    }
    this.peer ??= this.newPeer();
    const { sdp, tracks } = await this.peer.answer(offer.sdp).catch((cause: unknown) => {
      const message = 'The offer cannot be answered: it contradicts itself, or what was agreed on.';
      throw new RunnerError('BAD_REQUEST', message, { cause });
    });
    this.refuseWhenClosed();
    if (this.offer?.ufrag !== offer.ufrag) this.candidates = 0;
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
    // A peer that was replaced has nothing more to say.
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

  /** Never rejects: nobody may wait for it. */
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
      this.queued = [];
      this.queues = false;
    }, CHANNEL_TIMEOUT_MS);
    this.setState('connected');
  }

  /** The channel is open. */
  private flush(): void {
    clearTimeout(this.channelTimer);
    for (const text of this.queued.splice(0)) this.peer!.send(text);
  }

  private receive(text: string): void {
    if (text.startsWith(PING)) return this.heardOf();
    let message: { type?: unknown; message?: unknown };
    try {
      message = parseJson(text) as typeof message;
    } catch {
      return this.warnOnce('the client sent a message that is not JSON, or too deep; ignored');
    }
    if (message?.type === SIGNALLING) {
      // Whoever speaks of tracks is a client of Pipecat's, and will say that it is there: it may be killed before it first does.
      this.heardOf();
      this.onSignal(message.message);
    } else this.notify('app-message', message);
  }

  private onSignal(message: unknown): void {
    const { type, receiver_index, enabled } = (message ?? {}) as Record<string, unknown>;
    if (type !== 'trackStatus' || typeof enabled !== 'boolean') return;
    // Not as a key, for the client chooses it: `__proto__` is one of every object.
    const track = this.tracks.find((_, index) => index === receiver_index);
    if (track) track.enabled = enabled && track.clientSends;
  }

  /** The client says that it is there. */
  private heardOf(): void {
    clearTimeout(this.silenceTimer);
    this.silenceTimer = setTimeout(
      () => {
        this.setState('disconnected');
        this.silenceTimer = setTimeout(
          () => this.end({ reason: 'peer_left', message: 'Nothing was heard of the client.' }),
          Math.max(0, this.options.peerTimeoutMs - SILENT_MS),
        );
      },
      Math.min(SILENT_MS, this.options.peerTimeoutMs),
    );
    this.setState('connected');
  }

  private signal(message: object): void {
    this.peer?.send(JSON.stringify({ type: SIGNALLING, message }));
  }

  private setState(state: 'connected' | 'disconnected'): void {
    if (this.currentState === state || this.currentState === 'closed') return;
    // There is nothing to be lost before there was a connection.
    if (state === 'disconnected' && this.currentState !== 'connected') return;
    this.currentState = state;
    this.everConnected ||= state === 'connected';
    this.notify(state);
  }

  private end(end: MediaEnd): void {
    if (this.currentState === 'closed') return;
    this.currentState = 'closed';
    for (const timer of [this.connectTimer, this.channelTimer, this.silenceTimer]) {
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

  /** The client decides how often there is something to say. */
  private warnOnce(message: string): void {
    if (this.warned.has(message)) return;
    this.warned.add(message);
    this.observer.warn(message);
  }

  protected override fail(error: unknown): void {
    this.observer.fail(error);
  }
}
