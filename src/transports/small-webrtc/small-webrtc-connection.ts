import { RunnerError } from '../../errors/runner.error.js';
import { isInstance, textOfThrown } from '../../errors/thrown.js';
import { callBot } from '../../limits/event-loop.js';
import type { MediaEnd } from '../../media/media-connection.js';
import { BufferedEmitter, MESSAGE_BUFFER } from '../../media/buffered-emitter.js';
import { ClientChannel } from './client-channel.js';
import type { WebRtcAnswer } from './dto/webrtc-answer.dto.js';
import { Heartbeat } from './heartbeat.js';
import type { Peer, PeerStats } from './peer/peer.js';
import {
  CandidateLimit,
  type CandidateSection,
  contradictoryOffer,
  OfferQueue,
} from './negotiator.js';
import { type Offer, usableCandidate } from './sdp.js';
import { readMessage } from './signalling.js';
import { type AudioTrack, ClientTracks, type VideoTrack } from './tracks.js';
import type {
  ConnectionObserver,
  ConnectionOptions,
  ConnectionState,
  SmallWebRTCConnectionEvents,
} from './small-webrtc-connection.events.js';
import { newPcId } from './pc-id.js';

/** The most events buffered until a listener is attached. */
const MAX_BUFFERED = 1_000;
/** The most media sections of a peer connection, of all its offers: each is kept until it is closed. */
const MAX_MIDS = 64;

/**
 * WebRTC peer connection to a client, in `args.webrtc_connection`. `createTransport(args)` covers audio and messages; use this for video or
 * raw Opus packets.
 *
 * Events are buffered until the first listener is attached.
 */
export class SmallWebRTCConnection extends BufferedEmitter<SmallWebRTCConnectionEvents> {
  /** Connection id in the signalling between client and runner. */
  readonly pcId: string;
  /** The client's microphone and the bot's audio. */
  readonly audio: AudioTrack;
  /** The client's camera and the bot's video. */
  readonly camera: VideoTrack;
  /** The client's screen. */
  readonly screenVideo: VideoTrack;
  private readonly tracks: ClientTracks;
  private currentState: ConnectionState = 'new';
  private everConnected = false;
  private peer: Peer | undefined;
  private offer: Offer | undefined;
  /** Media sections that the peer has seen. */
  private mids: ReadonlySet<string | undefined> = new Set();
  private readonly candidateLimit = new CandidateLimit();
  private lastAnswer: WebRtcAnswer | undefined;
  private readonly offers = new OfferQueue();
  private readonly channel = new ClientChannel(
    () => this.peer,
    (message) => this.warnOnce(message),
  );
  private readonly heartbeat: Heartbeat;
  private connectTimer: NodeJS.Timeout | undefined;
  private closing: Promise<void> | undefined;
  private readonly warned = new Set<string>();

  /** @internal Created by the runner. */
  constructor(
    private readonly options: ConnectionOptions,
    private readonly observer: ConnectionObserver,
  ) {
    const room = { limit: MAX_BUFFERED, sizeOf: () => 1 };
    const limits = {
      connected: room,
      disconnected: room,
      closed: room,
      'app-message': MESSAGE_BUFFER,
      'track-started': room,
      'track-ended': room,
    };
    super(limits, observer.bot);
    this.pcId = newPcId('SmallWebRTCConnection', options.sessionId);
    const peer = (): Peer => this.peer!;
    const fail = (thrown: unknown): void => this.fail(thrown);
    this.tracks = new ClientTracks(peer, fail, (event, track) => this.notify(event, track));
    ({ audio: this.audio, camera: this.camera, screenVideo: this.screenVideo } = this.tracks);
    this.heartbeat = new Heartbeat(
      options.peerTimeoutMs,
      () => this.setState('disconnected'),
      () => this.end({ reason: 'peer_left', message: 'Nothing was heard of the client.' }),
    );
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
    const answer = this.offers.add(() => this.answerTo(offer, restart));
    this.candidateLimit.begin(offer);
    return answer;
  }

  /** Requests renegotiation, as when the bot wants to send video. */
  askToRenegotiate(): void {
    this.channel.askToRenegotiate();
  }

  /**
   * @internal Adds an ICE candidate of the client (trickle ICE).
   * @param where the media section of the candidate
   * @throws {RunnerError} `BAD_REQUEST` for a malformed candidate
   */
  addCandidate(line: string, where: CandidateSection): void {
    // Unusable candidates do not count: a client with mDNS names only is discovered as peer-reflexive.
    const candidate = line === '' ? undefined : usableCandidate(line);
    if (!candidate || !this.candidateLimit.take(candidate)) return;
    this.offers.afterwards(
      () => {
        const { mids = [] } = this.offer ?? {};
        const mid = where.mid !== undefined ? where.mid : mids[where.index ?? 0];
        if (mid !== undefined && mids.includes(mid)) this.peer?.addCandidate({ candidate, mid });
      },
      (thrown) => this.fail(thrown),
    );
  }

  /**
   * Sends a message to the client's application. Queued until the data channel opens.
   * @returns false when it is not sent: the client has no data channel, or the queue is full
   */
  sendAppMessage(message: unknown): boolean {
    return this.channel.send(message);
  }

  /** Returns quality statistics. */
  async stats(): Promise<PeerStats> {
    return (await this.peer?.stats()) ?? { roundTripMs: undefined, lossOut: undefined };
  }

  /** Notifies the client that the bot leaves, and closes the connection. */
  disconnect(end: MediaEnd = { reason: 'closed', message: 'The bot left.' }): Promise<void> {
    if (this.currentState !== 'closed') {
      this.channel.signal({ type: 'peerLeft' });
      this.end(end);
    }
    return this.closing ?? Promise.resolve();
  }

  private async answerTo(offer: Offer, restart: boolean): Promise<WebRtcAnswer> {
    this.refuseWhenClosed();
    if (restart && this.peer) {
      this.setState('disconnected');
      this.heartbeat.stop();
      void this.closePeer(this.peer);
      this.peer = undefined;
    }
    this.peer ??= this.newPeer();
    const mids = new Set([...this.mids, ...offer.mids]);
    if (mids.size > MAX_MIDS) {
      throw contradictoryOffer(new Error(`more than ${MAX_MIDS} media sections by now`));
    }
    this.mids = mids;
    const { sdp, tracks } = await this.peer.answer(offer.sdp).catch((cause: unknown) => {
      throw isInstance(cause, RunnerError) ? cause : contradictoryOffer(cause);
    });
    this.refuseWhenClosed();
    this.offer = offer;
    this.tracks.update(tracks);
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
    this.mids = new Set();
    clearTimeout(this.connectTimer);
    this.connectTimer = setTimeout(
      () => this.end({ reason: 'failed', message: 'The client did not connect in time.' }),
      this.options.connectTimeoutMs,
    );
    if (this.currentState === 'new') this.currentState = 'connecting';
    this.channel.open();
    // Ignores events of a peer that was replaced.
    const ifCurrent =
      <A extends unknown[]>(handle: (...args: A) => void) =>
      (...args: A): void => {
        if (this.peer !== peer || this.currentState === 'closed') return;
        try {
          callBot(this.bot, () => handle(...args));
        } catch (error) {
          this.fail(error);
        }
      };
    const peer: Peer = this.options.createPeer({
      connected: ifCurrent(() => this.connected()),
      failed: ifCurrent((message) => this.end({ reason: 'failed', message })),
      left: ifCurrent(() => this.end({ reason: 'peer_left', message: 'The client left.' })),
      channelOpen: ifCurrent(() => this.channel.flush()),
      message: ifCurrent((text) => this.receive(text)),
      rtp: ifCurrent((name, packet) => this.tracks.get(name).receive(packet)),
      keyframeRequested: ifCurrent((name) => this.tracks.get(name).keyframeRequested()),
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

  private connected(): void {
    clearTimeout(this.connectTimer);
    this.channel.awaitOpening();
    this.setState('connected');
  }

  private receive(text: string): void {
    const message = readMessage(text);
    switch (message.kind) {
      case 'app-message':
        return this.notify('app-message', message.message);
      case 'malformed':
        return this.warnOnce('the client sent a message that is not JSON, or too deep; ignored');
      case 'track-status':
        this.tracks.mute(message.index, message.enabled);
    }
    // Only Pipecat's clients send signalling, so heartbeats will follow. The client may be killed before its first one.
    this.heartbeat.beat();
    this.setState('connected');
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
    clearTimeout(this.connectTimer);
    this.heartbeat.stop();
    this.channel.close();
    this.tracks.update([]);
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
