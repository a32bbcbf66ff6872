import {
  DeviceError,
  type DeviceErrorType,
  type Participant,
  type PipecatClientOptions,
  type RTVIEventCallbacks,
  type Tracks,
} from '@pipecat-ai/client-js';
import { audioContext } from './audio-context.js';
import { Capture } from './capture.js';
import { Player } from './player.js';

/** What the published WebSocket transport says it sends and plays. */
const SENT_RATE_HZ = 16_000;
const PLAYED_RATE_HZ = 24_000;
const CHUNK_FRAMES = 256;

const USER: Participant = { id: 'local', name: '', local: true };
const BOT: Participant = { id: 'bot', name: 'bot', local: false };

/** What a {@link BrowserMedia} does for its transport beside opening the microphone. */
export interface BrowserMediaOptions {
  /** Whether the transport carries PCM: takes it from the microphone, and has the bot's played. */
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
  private micEnabled = true;
  private mic: MediaStreamTrack | undefined;
  private micId: string | undefined;
  private speaker: MediaDeviceInfo | undefined;
  private capture: Capture | undefined;
  private player: Player | undefined;
  /** Aborts when nothing is wanted any more. */
  private open: AbortController | undefined;

  constructor(private readonly options: BrowserMediaOptions) {}

  // What a transport calls.

  setClientOptions({ callbacks, enableMic }: PipecatClientOptions): void {
    this.callbacks = callbacks ?? {};
    this.micEnabled = enableMic ?? true;
  }

  setUserAudioCallback(callback: (pcm: ArrayBuffer) => void): void {
    this.onUserAudio = callback;
  }

  /** Opens the microphone. Without one, which is reported, the conversation goes on: the bot can be heard. */
  async initialize(): Promise<void> {
    if (!this.open) {
      this.open = new AbortController();
      const { signal } = this.open;
      navigator.mediaDevices.addEventListener('devicechange', () => void this.listDevices(), {
        signal,
      });
    }
    await this.openMic();
    await this.listDevices();
  }

  async connect(): Promise<void> {
    if (!this.open) await this.initialize();
    const wanted = this.open?.signal;
    const context = await audioContext();
    if (!this.options.pcm || !wanted || wanted.aborted) return;
    this.player = new Player(context, PLAYED_RATE_HZ);
    this.callbacks.onTrackStarted?.(this.player.track, BOT);
    this.capture = new Capture(
      context,
      { inputs: 1, sampleRateHz: SENT_RATE_HZ, chunkFrames: CHUNK_FRAMES },
      (pcm) => this.onUserAudio(pcm),
    );
    this.capture.setTrack(0, this.mic ?? null);
  }

  async disconnect(): Promise<void> {
    this.open?.abort();
    this.open = undefined;
    const { capture, player } = this;
    this.capture = this.player = undefined;
    this.closeMic();
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
    return { local: { audio: this.mic }, bot: { audio: this.player?.track } };
  }

  get isMicEnabled(): boolean {
    return this.micEnabled;
  }

  enableMic(enable: boolean): void {
    this.micEnabled = enable;
    if (this.mic) this.mic.enabled = enable;
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
    return (this.mic && deviceOf(this.mic)) ?? {};
  }

  get selectedSpeaker(): MediaDeviceInfo | Record<string, never> {
    return this.speaker ?? {};
  }

  async updateMic(id: string): Promise<void> {
    this.micId = id;
    if (this.mic) await this.openMic();
  }

  async updateSpeaker(id: string): Promise<void> {
    this.speaker = (await this.getAllSpeakers()).find(({ deviceId }) => deviceId === id);
    if (this.speaker) this.callbacks.onSpeakerUpdated?.(this.speaker);
  }

  updateCam(): void {}

  enableCam(): void {}

  enableScreenShare(): void {}

  // The microphone.

  private async openMic(): Promise<void> {
    const wanted = this.open?.signal;
    let mic: MediaStreamTrack;
    try {
      mic = await microphone(this.micId);
    } catch (error) {
      this.callbacks.onDeviceError?.(new DeviceError(['mic'], kindOf(error), textOf(error)));
      return;
    }
    // The user may have thought about it for long.
    if (!wanted || wanted.aborted) return mic.stop();
    const replaced = this.closeMic();
    this.mic = mic;
    mic.enabled = this.micEnabled;
    // SmallWebRTC stops the tracks of a connection that it replaces, which the new one has too.
    mic.stop = () => undefined;
    // It was unplugged, or taken away: the next best, then.
    mic.addEventListener('ended', () => {
      if (this.mic !== mic) return;
      this.micId = undefined;
      void this.openMic();
    });
    this.callbacks.onMicUpdated?.(deviceOf(mic));
    this.callbacks.onTrackStarted?.(mic, USER);
    this.capture?.setTrack(0, mic);
    if (replaced) this.options.onMicReplaced?.(mic);
  }

  private closeMic(): boolean {
    const { mic } = this;
    if (!mic) return false;
    this.mic = undefined;
    MediaStreamTrack.prototype.stop.call(mic);
    this.callbacks.onTrackStopped?.(mic, USER);
    return true;
  }

  private async listDevices(): Promise<void> {
    this.callbacks.onAvailableMicsUpdated?.(await this.getAllMics());
    this.callbacks.onAvailableSpeakersUpdated?.(await this.getAllSpeakers());
  }
}

async function microphone(deviceId: string | undefined): Promise<MediaStreamTrack> {
  const audio = deviceId === undefined ? true : { deviceId: { exact: deviceId } };
  const stream = await navigator.mediaDevices.getUserMedia({ audio });
  return stream.getAudioTracks()[0]!;
}

/** Devices have no id, and there is no choosing, before the user has let the page have one. */
async function devices(kind: MediaDeviceKind): Promise<MediaDeviceInfo[]> {
  const all = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
  return all.filter((device) => device.kind === kind && device.deviceId !== '');
}

function deviceOf(track: MediaStreamTrack): MediaDeviceInfo {
  const { deviceId = 'default', groupId = '' } = track.getSettings();
  return {
    deviceId,
    groupId,
    kind: 'audioinput',
    label: track.label,
    toJSON: () => ({ deviceId, label: track.label }),
  };
}

const KINDS: Record<string, DeviceErrorType> = {
  NotAllowedError: 'permissions',
  NotFoundError: 'not-found',
  NotReadableError: 'in-use',
  OverconstrainedError: 'constraints',
};

const kindOf = (error: unknown): DeviceErrorType => KINDS[(error as Error).name] ?? 'unknown';

const TEXTS: Partial<Record<DeviceErrorType, string>> = {
  permissions: 'The browser was told not to give this page the microphone.',
  'not-found': 'There is no microphone.',
  'in-use': 'Another application has the microphone.',
  constraints: 'The chosen microphone is gone.',
};

const textOf = (error: unknown): string => TEXTS[kindOf(error)] ?? (error as Error).message;
