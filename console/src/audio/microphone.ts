import {
  DeviceError,
  type DeviceErrorType,
  type Participant,
  type RTVIEventCallbacks,
} from '@pipecat-ai/client-js';

const USER: Participant = { id: 'local', name: '', local: true };

/** The microphone: opened, chosen, muted, and replaced when it is unplugged. */
export class Microphone {
  callbacks: RTVIEventCallbacks = {};
  private open: MediaStreamTrack | undefined;
  private chosenId: string | undefined;
  private isEnabled = true;
  /** Aborts when no microphone is wanted any more. */
  private wanted: AbortController | undefined;

  /** @param onReplaced is given the track that is in the place of another from now on */
  constructor(private readonly onReplaced: (track: MediaStreamTrack) => void) {}

  get track(): MediaStreamTrack | undefined {
    return this.open;
  }

  /** True after a {@link start} without a {@link stop} since, be there a microphone or not. */
  get started(): boolean {
    return this.wanted !== undefined;
  }

  get enabled(): boolean {
    return this.isEnabled;
  }

  set enabled(enabled: boolean) {
    this.isEnabled = enabled;
    if (this.open) this.open.enabled = enabled;
  }

  /** Asks the user for a microphone. That there is none is reported as a device error. */
  async start(): Promise<void> {
    if (!this.wanted) {
      this.wanted = new AbortController();
      const { signal } = this.wanted;
      const { mediaDevices } = navigator;
      mediaDevices.addEventListener('devicechange', () => void this.listDevices(), { signal });
    }
    await this.acquire();
    await this.listDevices();
  }

  stop(): void {
    this.wanted?.abort();
    this.wanted = undefined;
    this.release();
  }

  /** Takes this one, now or when it starts. */
  async choose(id: string): Promise<void> {
    this.chosenId = id;
    if (this.open) await this.acquire();
  }

  private async acquire(): Promise<void> {
    const wanted = this.wanted?.signal;
    let track: MediaStreamTrack;
    try {
      const audio = this.chosenId === undefined ? true : { deviceId: { exact: this.chosenId } };
      const stream = await navigator.mediaDevices.getUserMedia({ audio });
      track = stream.getAudioTracks()[0]!;
    } catch (error) {
      const { name, message } = error as Error;
      const [type, text] = FAILURES[name] ?? ['unknown', message];
      this.callbacks.onDeviceError?.(new DeviceError(['mic'], type, text));
      return;
    }
    // The user may have thought about it for long.
    if (!wanted || wanted.aborted) return track.stop();
    const replaces = this.release();
    this.open = track;
    track.enabled = this.isEnabled;
    // SmallWebRTC stops the tracks of a connection that it replaces, which the new one has too.
    track.stop = () => undefined;
    // It was unplugged, or taken away: the next best, then.
    track.addEventListener('ended', () => {
      if (this.open !== track) return;
      this.chosenId = undefined;
      void this.acquire();
    });
    this.callbacks.onMicUpdated?.(deviceOf(track));
    this.callbacks.onTrackStarted?.(track, USER);
    if (replaces) this.onReplaced(track);
  }

  private release(): boolean {
    const { open } = this;
    if (!open) return false;
    this.open = undefined;
    MediaStreamTrack.prototype.stop.call(open);
    this.callbacks.onTrackStopped?.(open, USER);
    return true;
  }

  private async listDevices(): Promise<void> {
    this.callbacks.onAvailableMicsUpdated?.(await devices('audioinput'));
    this.callbacks.onAvailableSpeakersUpdated?.(await devices('audiooutput'));
  }
}

/** Those that can be chosen: they have no id before the user has let the page have a microphone. */
export async function devices(kind: MediaDeviceKind): Promise<MediaDeviceInfo[]> {
  const all = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
  return all.filter((device) => device.kind === kind && device.deviceId !== '');
}

export function deviceOf(track: MediaStreamTrack): MediaDeviceInfo {
  const { deviceId = 'default', groupId = '' } = track.getSettings();
  const { label } = track;
  return { deviceId, groupId, kind: 'audioinput', label, toJSON: () => ({ deviceId, label }) };
}

/** The names of what browsers throw. */
const FAILURES: Readonly<Record<string, readonly [DeviceErrorType, string]>> = {
  NotAllowedError: ['permissions', 'The browser was told not to give this page the microphone.'],
  NotFoundError: ['not-found', 'There is no microphone.'],
  NotReadableError: ['in-use', 'Another application has the microphone.'],
  OverconstrainedError: ['constraints', 'The chosen microphone is gone.'],
};
