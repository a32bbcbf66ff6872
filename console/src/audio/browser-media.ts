import type {
  Participant,
  PipecatClientOptions,
  RTVIEventCallbacks,
  Tracks,
} from '@pipecat-ai/client-js';
import { audioContext } from './audio-context.js';
import { Capture } from './capture.js';
import { deviceOf, devices, Microphone } from './microphone.js';
import { Player } from './player.js';

/** Rates that the published WebSocket transport says it sends and plays. */
const SENT_RATE_HZ = 16_000;
const PLAYED_RATE_HZ = 24_000;
const CHUNK_FRAMES = 256;

const BOT: Participant = { id: 'bot', name: 'bot', local: false };

/** Tasks of a {@link BrowserMedia} for its transport, beside opening the microphone. */
export interface BrowserMediaOptions {
  /** True when the transport carries PCM: takes it from the microphone, and has the bot's played. */
  readonly pcm: boolean;
  /** The microphone was changed while it was in use. */
  readonly onMicReplaced?: (track: MediaStreamTrack) => void;
}

/**
 * The microphone and the bot's voice, for Pipecat's transports: in the place of the media managers that come with them, one of which
 * loads code from a CDN, and the other knows neither the bot's track nor how to change the microphone of a WebRTC call.
 */
export class BrowserMedia {
  readonly supportsScreenShare = false;
  readonly isCamEnabled = false;
  readonly isSharingScreen = false;
  readonly selectedCam = {};
  private callbacks: RTVIEventCallbacks = {};
  private onUserAudio: (pcm: ArrayBuffer) => void = () => undefined;
  private readonly mic = new Microphone((track) => {
    this.capture?.setTrack(0, track);
    this.options.onMicReplaced?.(track);
  });
  private speaker: MediaDeviceInfo | undefined;
  private capture: Capture | undefined;
  private player: Player | undefined;

  constructor(private readonly options: BrowserMediaOptions) {}

  setClientOptions({ callbacks, enableMic }: PipecatClientOptions): void {
    this.callbacks = this.mic.callbacks = callbacks ?? {};
    this.mic.enabled = enableMic ?? true;
  }

  setUserAudioCallback(callback: (pcm: ArrayBuffer) => void): void {
    this.onUserAudio = callback;
  }

  /** Without a microphone the conversation goes on: the bot can be heard. */
  initialize(): Promise<void> {
    return this.mic.start();
  }

  async connect(): Promise<void> {
    if (!this.mic.started) await this.mic.start();
    const context = await audioContext();
    // It may have been disconnected meanwhile.
    if (!this.options.pcm || !this.mic.started) return;
    this.player = new Player(context, PLAYED_RATE_HZ);
    this.callbacks.onTrackStarted?.(this.player.track, BOT);
    this.capture = new Capture(
      context,
      { inputs: 1, sampleRateHz: SENT_RATE_HZ, chunkFrames: CHUNK_FRAMES },
      (pcm) => this.onUserAudio(pcm),
    );
    this.capture.setTrack(0, this.mic.track ?? null);
  }

  async disconnect(): Promise<void> {
    this.mic.stop();
    const { capture, player } = this;
    this.capture = this.player = undefined;
    if (player) {
      player.stop();
      this.callbacks.onTrackStopped?.(player.track, BOT);
    }
    await capture?.stop();
  }

  bufferBotAudio(pcm: ArrayBuffer | Int16Array): undefined {
    this.player?.play(pcm instanceof Int16Array ? pcm : new Int16Array(pcm));
  }

  /** The bot was interrupted. */
  clearBotAudio(): void {
    this.player?.clear();
  }

  tracks(): Tracks {
    return { local: { audio: this.mic.track }, bot: { audio: this.player?.track } };
  }

  get isMicEnabled(): boolean {
    return this.mic.enabled;
  }

  enableMic(enable: boolean): void {
    this.mic.enabled = enable;
  }

  getAllMics(): Promise<MediaDeviceInfo[]> {
    return devices('audioinput');
  }

  getAllSpeakers(): Promise<MediaDeviceInfo[]> {
    return devices('audiooutput');
  }

  async getAllCams(): Promise<MediaDeviceInfo[]> {
    return [];
  }

  get selectedMic(): MediaDeviceInfo | Record<string, never> {
    return this.mic.track ? deviceOf(this.mic.track) : {};
  }

  get selectedSpeaker(): MediaDeviceInfo | Record<string, never> {
    return this.speaker ?? {};
  }

  updateMic(id: string): Promise<void> {
    return this.mic.choose(id);
  }

  async updateSpeaker(id: string): Promise<void> {
    this.speaker = (await this.getAllSpeakers()).find(({ deviceId }) => deviceId === id);
    if (this.speaker) this.callbacks.onSpeakerUpdated?.(this.speaker);
  }

  // There is neither a camera nor a screen to share.
  updateCam(): void {}
  enableCam(): void {}
  enableScreenShare(): void {}
}
