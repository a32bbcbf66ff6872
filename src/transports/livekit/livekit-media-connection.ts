import type * as rtc from '@livekit/rtc-node';
import { attempt } from '../../errors/attempt.js';
import { textOfThrown } from '../../errors/thrown.js';
import { AsyncQueue } from '../../media/async-queue.js';
import type {
  MediaEnd,
  MediaConnection,
  MediaConnectionEvents,
} from '../../media/media-connection.js';
import { parseJson } from '../../limits/json-limits.js';
import { MESSAGE_BUFFER } from '../../media/buffered-emitter.js';
import type { LiveKitRunnerArguments } from './dto/livekit-runner-arguments.dto.js';
import type { MediaConnectionContext } from '../media-connections.js';

/** LiveKit's real-time SDK for participants. */
export type LiveKitRtc = typeof rtc;

/** Options of {@link LiveKitMediaConnection.join}. */
export interface LiveKitJoinOptions {
  /** Sample rate of the user's audio, in Hz. */
  readonly sampleRateHz: number;
  readonly signal: AbortSignal | undefined;
  /** Removes the user from the room. */
  readonly hangUp: MediaConnectionContext['hangUp'];
}

/** Sample rate of the bot's audio, in Hz. The SDK encodes it as Opus. */
const OUTPUT_HZ = 24_000;
const CHUNK_MS = 20;
/** Backpressure: audio chunks or messages past this many unsent ones are refused, and messages past this many unsent bytes. */
const MAX_UNSENT_CHUNKS = 10;
const MAX_UNSENT_MESSAGES = 1_000;
const MAX_UNSENT_BYTES = 4 * 1_048_576;
/** Reconnection window of a user whose connection broke, in milliseconds. All users also seem to leave while the bot itself reconnects. */
const RECONNECT_MS = 15_000;
/** Timeout for leaving the room, in milliseconds: a server that hangs does not answer. */
const LEAVE_MS = 2_000;
/** DTMF keys by their event codes in RFC 4733. */
const DTMF_KEYS = '0123456789*#ABCD';

/** Event buffered until the listener is attached, with its size. */
interface BufferedEvent {
  readonly report: (events: MediaConnectionEvents) => void;
  readonly size: number;
}

/** Bot in a LiveKit room. Receives the first user who publishes audio, and leaves when no user is left. */
export class LiveKitMediaConnection implements MediaConnection {
  readonly capabilities = {
    marks: 'estimated',
    remoteClear: true,
    dtmfIn: true,
    dtmfOut: true,
    messages: true,
  } as const;
  readonly output = { sampleRateHz: OUTPUT_HZ, chunkSamples: (OUTPUT_HZ * CHUNK_MS) / 1_000 };
  private events: MediaConnectionEvents | undefined;
  /** Events before the listener is attached; the oldest are dropped. */
  private readonly early = new AsyncQueue<BufferedEvent>(MESSAGE_BUFFER.limit, ({ size }) => size);
  private unsentChunks = 0;
  private unsentMessages = 0;
  private unsentBytes = 0;
  private leaving: Promise<unknown> | undefined;
  private receiving = false;
  /** The bot's own track, and the audio of the user who is received. */
  private track: rtc.LocalAudioTrack | undefined;
  private userAudio: ReadableStreamDefaultReader<rtc.AudioFrame> | undefined;
  /** Timer that ends the connection unless a user reconnects. */
  private leaveTimer: NodeJS.Timeout | undefined;
  /** Tracks that are or were received. */
  private readonly seenTracks = new WeakSet<rtc.Track>();

  private constructor(
    private readonly sdk: LiveKitRtc,
    private readonly room: rtc.Room,
    private readonly source: rtc.AudioSource,
    private readonly options: LiveKitJoinOptions,
  ) {
    const { RoomEvent } = sdk;
    room.on(RoomEvent.TrackSubscribed, () => this.receiveNextUser());
    room.on(RoomEvent.DataReceived, (payload) => this.onData(payload));
    room.on(RoomEvent.DtmfReceived, (_code, digit) => {
      if (!this.leaving) this.notify((events) => events.dtmf(digit));
    });
    room.on(RoomEvent.ParticipantDisconnected, (participant) => this.onUserGone(participant));
    room.on(RoomEvent.ParticipantConnected, (participant) => {
      if (this.isUser(participant)) clearTimeout(this.leaveTimer);
    });
    room.on(RoomEvent.Disconnected, (reason) => {
      const { ROOM_DELETED, PARTICIPANT_REMOVED, ROOM_CLOSED } = sdk.DisconnectReason;
      const over = [ROOM_DELETED, PARTICIPANT_REMOVED, ROOM_CLOSED].includes(reason);
      this.end(
        over
          ? { reason: 'peer_left', message: 'The LiveKit room is over.' }
          : { reason: 'failed', message: 'The connection to the LiveKit room was lost.' },
      );
    });
  }

  /** Joins the room and publishes the bot's audio track. @throws when that fails or the signal aborts */
  static async join(
    sdk: LiveKitRtc,
    { url, token }: LiveKitRunnerArguments,
    options: LiveKitJoinOptions,
  ): Promise<LiveKitMediaConnection> {
    const { signal } = options;
    signal?.throwIfAborted();
    const connection = new LiveKitMediaConnection(
      sdk,
      new sdk.Room(),
      new sdk.AudioSource(OUTPUT_HZ, 1),
      options,
    );
    const aborted = new Promise<never>((_, reject) =>
      signal?.addEventListener('abort', () => reject(signal.reason as Error)),
    );
    try {
      await Promise.race([connection.enter(url, token), aborted]);
      return connection;
    } catch (error) {
      void connection.close();
      throw error;
    }
  }

  open(events: MediaConnectionEvents): void {
    this.events = events;
    events.connected();
    for (let next = this.early.take(); next; next = this.early.take()) next.value.report(events);
  }

  sendAudio(pcm: Int16Array): boolean {
    if (this.unsentChunks >= MAX_UNSENT_CHUNKS) return false;
    this.unsentChunks++;
    // Copied because the SDK reads the whole buffer behind an array.
    const frame = new this.sdk.AudioFrame(pcm.slice(), OUTPUT_HZ, 1, pcm.length);
    void this.source
      .captureFrame(frame)
      // The source is closed once the bot leaves.
      .catch(() => undefined)
      .then(() => this.unsentChunks--);
    return true;
  }

  clear(): void {
    if (!this.leaving) this.source.clearQueue();
  }

  mark(): void {
    // Estimated duration.
  }

  async sendDtmf(digits: string): Promise<boolean> {
    try {
      for (const digit of digits) {
        await this.room.localParticipant!.publishDtmf(DTMF_KEYS.indexOf(digit), digit);
      }
      return true;
    } catch {
      return false;
    }
  }

  sendMessage(message: unknown): boolean {
    if (this.unsentMessages >= MAX_UNSENT_MESSAGES || this.unsentBytes > MAX_UNSENT_BYTES) {
      return false;
    }
    const data = Buffer.from(JSON.stringify(message));
    this.unsentMessages++;
    this.unsentBytes += data.length;
    void this.room
      .localParticipant!.publishData(data, { reliable: true })
      .catch(() => undefined)
      .then(() => {
        this.unsentMessages--;
        this.unsentBytes -= data.length;
      });
    return true;
  }

  async hangUp() {
    return this.options.hangUp?.() ?? { ok: true, via: 'connection' as const };
  }

  async close(): Promise<void> {
    clearTimeout(this.leaveTimer);
    this.leaving ??= Promise.race([
      this.leave(),
      new Promise((resolve) => setTimeout(resolve, LEAVE_MS).unref()),
    ]);
    await this.leaving;
  }

  /** Leaves the room, and frees the native memory that would otherwise wait for the garbage collector. */
  private async leave(): Promise<void> {
    // The SDK ends no stream of a room that the bot leaves.
    void this.userAudio?.cancel().catch(() => undefined);
    await Promise.allSettled([this.room.disconnect(), this.source.close()]);
    await this.track?.close(false).catch(() => undefined);
  }

  private async enter(url: string, token: string): Promise<void> {
    const { sdk, room } = this;
    await room.connect(url, token, { autoSubscribe: true, dynacast: false });
    // The SDK cannot abort a connect, so a connection that was abandoned leaves now.
    if (this.leaving) return room.disconnect();
    this.track = sdk.LocalAudioTrack.createAudioTrack('bot', this.source);
    const publishOptions = new sdk.TrackPublishOptions();
    publishOptions.source = sdk.TrackSource.SOURCE_MICROPHONE;
    await room.localParticipant!.publishTrack(this.track, publishOptions);
  }

  /** @param content the part of the event that counts towards the buffer limit */
  private notify(report: BufferedEvent['report'], content?: unknown): void {
    if (this.events) report(this.events);
    else this.early.push({ report, size: MESSAGE_BUFFER.sizeOf(content) });
  }

  /** Ends the connection with the last user: at once after a regular leave, otherwise after the reconnection window. */
  private onUserGone(participant: rtc.Participant): void {
    const { room, sdk } = this;
    const someone = [...room.remoteParticipants.values()].some((other) => this.isUser(other));
    if (someone || !this.isUser(participant)) return;
    const leave = (): void =>
      this.end({ reason: 'peer_left', message: 'The user left the LiveKit room.' });
    if (participant.disconnectReason === sdk.DisconnectReason.CLIENT_INITIATED) leave();
    else this.leaveTimer = setTimeout(leave, RECONNECT_MS).unref();
  }

  private end(end: MediaEnd): void {
    if (this.leaving) return;
    void this.close();
    this.notify((events) => events.disconnected(end));
  }

  private isUser({ kind }: rtc.Participant): boolean {
    return kind !== this.sdk.ParticipantKind.AGENT;
  }

  /** Receives audio of the first user who publishes some, then of the next one. */
  private receiveNextUser(): void {
    if (this.receiving || this.leaving) return;
    for (const participant of this.room.remoteParticipants.values()) {
      if (!this.isUser(participant)) continue;
      for (const { track } of participant.trackPublications.values()) {
        if (track?.kind !== this.sdk.TrackKind.KIND_AUDIO || this.seenTracks.has(track)) continue;
        this.receiving = true;
        this.seenTracks.add(track);
        attempt(
          async () => {
            await this.receive(track).catch(() => undefined);
            this.receiving = false;
            this.receiveNextUser();
          },
          (thrown) => this.end({ reason: 'failed', message: textOfThrown(thrown).message }),
        );
        return;
      }
    }
  }

  private async receive(track: rtc.RemoteTrack): Promise<void> {
    const { sampleRateHz } = this.options;
    const stream = new this.sdk.AudioStream(track, { sampleRate: sampleRateHz, numChannels: 1 });
    const reader = (this.userAudio = stream.getReader());
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done || this.leaving) return;
        this.notify((events) => events.audio(value.data, sampleRateHz, 1, undefined));
      }
    } finally {
      await reader.cancel();
    }
  }

  private onData(payload: Uint8Array): void {
    // Nothing is reported after the end.
    if (this.leaving) return;
    let message: unknown;
    try {
      message = parseJson(Buffer.from(payload).toString('utf8'));
    } catch {
      this.notify((events) => events.malformed('data that is not JSON, or too deep'));
      return;
    }
    this.notify((events) => events.message(message), message);
  }
}
