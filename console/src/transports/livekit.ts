import {
  type Participant,
  type PipecatClientOptions,
  RTVIMessage,
  type Tracks,
  Transport,
  type TransportState,
} from '@pipecat-ai/client-js';
import { type RemoteTrack, Room, RoomEvent, Track } from 'livekit-client';
import { BrowserMedia } from '../audio/browser-media.js';
import { RunnerProblem } from '../runner-api.js';
import type { Line } from './line.js';
import { WebRtcStats } from './webrtc-stats.js';

const BOT: Participant = { id: 'bot', name: 'bot', local: false };

interface RoomAccess {
  readonly url: string;
  readonly token: string;
}

/** A LiveKit room. Pipecat has published no client transport for it. */
class LiveKitTransport extends Transport {
  private room: Room | undefined;
  private botTrack: RemoteTrack | undefined;
  private readonly media = new BrowserMedia({
    pcm: false,
    onMicReplaced: (track) => void this.publication?.track?.replaceTrack(track),
  });

  initialize(options: PipecatClientOptions, onMessage: (message: RTVIMessage) => void): void {
    this._options = options;
    this._callbacks = options.callbacks ?? {};
    this._onMessage = onMessage;
    this.media.setClientOptions(options);
    this.state = 'disconnected';
  }

  async initDevices(): Promise<void> {
    this.state = 'initializing';
    await this.media.initialize();
    this.state = 'initialized';
  }

  _validateConnectionParams(params: unknown): unknown {
    return params;
  }

  async _connect(access?: unknown): Promise<void> {
    const { url, token } = access as RoomAccess;
    this.state = 'connecting';
    const room = (this.room = new Room());
    const botThere = this.listen(room);
    await room.connect(url, token).catch((error: Error) => {
      throw new RunnerProblem(`The LiveKit room could not be joined: ${error.message}`);
    });
    await this.media.connect();
    const mic = this.media.tracks().local.audio;
    if (mic) await room.localParticipant.publishTrack(mic, { source: Track.Source.Microphone });
    // Words spoken before the bot is there would be lost.
    if (room.remoteParticipants.size === 0) await botThere;
    if (this.room !== room) return;
    this.state = 'connected';
    this._callbacks.onConnected?.();
    this._callbacks.onBotConnected?.(BOT);
  }

  /** @returns when the bot has joined, or nobody waits for it any more */
  private listen(room: Room): Promise<void> {
    room.on(RoomEvent.TrackSubscribed, (track) => {
      if (track.kind !== Track.Kind.Audio) return;
      this.botTrack = track;
      this._callbacks.onTrackStarted?.(track.mediaStreamTrack, BOT);
    });
    room.on(RoomEvent.TrackUnsubscribed, (track) => {
      if (track !== this.botTrack) return;
      this.botTrack = undefined;
      this._callbacks.onTrackStopped?.(track.mediaStreamTrack, BOT);
    });
    room.on(RoomEvent.DataReceived, (payload) => {
      const message = parsed(payload);
      if (message?.label === 'rtvi-ai') this._onMessage(message);
    });
    room.on(RoomEvent.ParticipantDisconnected, () => this._callbacks.onBotDisconnected?.(BOT));
    return new Promise((resolve) => {
      room.once(RoomEvent.ParticipantConnected, () => resolve());
      room.once(RoomEvent.Disconnected, () => {
        resolve();
        // The room was closed, or the connection is lost for good.
        if (this.room === room) this._callbacks.onBotDisconnected?.(BOT);
      });
    });
  }

  async _disconnect(): Promise<void> {
    this.state = 'disconnecting';
    const { room } = this;
    this.room = this.botTrack = undefined;
    await room?.disconnect(false);
    await this.media.disconnect();
    this.state = 'disconnected';
    this._callbacks.onDisconnected?.();
  }

  sendReadyMessage(): void {
    this.state = 'ready';
    this.sendMessage(RTVIMessage.clientReady());
  }

  sendMessage(message: RTVIMessage): void {
    const bytes = new TextEncoder().encode(JSON.stringify(message));
    void this.room?.localParticipant.publishData(bytes, { reliable: true });
  }

  /** The microphone in the room. */
  private get publication() {
    return this.room?.localParticipant.getTrackPublication(Track.Source.Microphone);
  }

  /** Statistics of the bot's voice and of the microphone. */
  async getStats(): Promise<Map<string, unknown>> {
    const reports = await Promise.all([
      this.botTrack?.receiver?.getStats(),
      this.publication?.track?.sender?.getStats(),
    ]);
    return new Map(reports.flatMap((report) => (report ? [...report.entries()] : [])));
  }

  tracks(): Tracks {
    const bot = this.botTrack?.mediaStreamTrack;
    return { local: this.media.tracks().local, ...(bot && { bot: { audio: bot } }) };
  }

  get state(): TransportState {
    return this._state;
  }
  set state(state: TransportState) {
    if (this._state === state) return;
    this._state = state;
    this._callbacks.onTransportStateChanged?.(state);
  }

  getAllMics = () => this.media.getAllMics();
  getAllCams = () => this.media.getAllCams();
  getAllSpeakers = () => this.media.getAllSpeakers();
  updateMic = (id: string) => void this.media.updateMic(id);
  updateCam = () => this.media.updateCam();
  updateSpeaker = (id: string) => void this.media.updateSpeaker(id);
  enableMic = (enable: boolean) => this.media.enableMic(enable);
  enableCam = () => this.media.enableCam();
  enableScreenShare = () => this.media.enableScreenShare();
  get selectedMic() {
    return this.media.selectedMic;
  }
  get selectedCam() {
    return this.media.selectedCam;
  }
  get selectedSpeaker() {
    return this.media.selectedSpeaker;
  }
  get isCamEnabled() {
    return this.media.isCamEnabled;
  }
  get isMicEnabled() {
    return this.media.isMicEnabled;
  }
  get isSharingScreen() {
    return this.media.isSharingScreen;
  }
}

/** A LiveKit room. */
export function livekit(): Line {
  const transport = new LiveKitTransport();
  const stats = new WebRtcStats(() => transport);
  return {
    transport,
    connectParams: ({ url, token }) => ({ url, token }),
    stats: () => stats.read(),
    statsNote:
      'From the browser’s WebRTC statistics; the round trip is that to the LiveKit server.',
  };
}

/** Reads a message; nothing where it is no JSON object. */
function parsed(payload: Uint8Array): RTVIMessage | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(payload));
    return typeof value === 'object' && value !== null ? (value as RTVIMessage) : undefined;
  } catch {
    return undefined;
  }
}
