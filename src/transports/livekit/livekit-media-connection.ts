import type * as rtc from '@livekit/rtc-node';
import { attempt } from '../../errors/attempt.js';
import { textOfThrown } from '../../errors/thrown.js';
import { AsyncQueue } from '../../media/async-queue.js';
import type {
  MediaEnd,
  MediaConnection,
  MediaConnectionEvents,
} from '../../media/media-connection.js';
import { parseJson } from '../../media/parse-json.js';
import { MESSAGE_BUFFER } from '../../media/estimate-bytes.js';
import type { HandOver } from '../../sessions/session-context.js';
import type { LiveKitRunnerArguments } from './dto/livekit-runner-arguments.dto.js';

/** LiveKit's SDK for those who join. */
export type LiveKitRtc = typeof rtc;

/** How a {@link LiveKitMediaConnection} joins. */
export interface LiveKitJoinOptions {
  /** The rate to hear at, in Hz. */
  readonly sampleRateHz: number;
  readonly signal: AbortSignal | undefined;
  /** Puts the user out of the room. */
  readonly hangUp: HandOver['hangUp'];
}

/** What goes into the room, in Hz; the SDK makes Opus of it. */
const OUTPUT_HZ = 24_000;
const CHUNK_MS = 20;
/** Past so many chunks that the SDK has not taken, more wait here; past so many messages, more are not sent. */
const MAX_UNTAKEN = 10;
const MAX_UNSENT_MESSAGES = 1_000;
/**
 * So long a user whose connection broke may take to come back, in milliseconds. All seem to leave when the bot's own connection is
 * made anew, too.
 */
const RETURN_MS = 15_000;
/** So long leaving may take, in milliseconds: a server that hangs does not answer the goodbye. */
const LEAVE_MS = 2_000;
/** The keys of a phone by their codes in RFC 4733. */
const DTMF_KEYS = '0123456789*#ABCD';

/** What is told once there is somebody to tell, and what it counts until then. */
interface EarlyReport {
  readonly report: (events: MediaConnectionEvents) => void;
  readonly size: number;
}

/** A bot in a LiveKit room: it hears the first user who speaks, and leaves when no user is left. */
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
  /** What happened before there was anyone to tell, the newest of it. */
  private readonly early = new AsyncQueue<EarlyReport>(MESSAGE_BUFFER.limit, ({ size }) => size);
  private untaken = 0;
  private unsentMessages = 0;
  private leaving: Promise<unknown> | undefined;
  private hearing = false;
  /** Ends the conversation unless a user comes back. */
  private goodbye: NodeJS.Timeout | undefined;
  /** The tracks that were or are heard. */
  private readonly done = new WeakSet<rtc.Track>();

  private constructor(
    private readonly sdk: LiveKitRtc,
    private readonly room: rtc.Room,
    private readonly source: rtc.AudioSource,
    private readonly options: LiveKitJoinOptions,
  ) {
    const { RoomEvent } = sdk;
    room.on(RoomEvent.TrackSubscribed, () => this.hearSomeone());
    room.on(RoomEvent.DataReceived, (payload) => this.onData(payload));
    room.on(RoomEvent.DtmfReceived, (_code, digit) => {
      if (!this.leaving) this.tell((events) => events.dtmf(digit));
    });
    room.on(RoomEvent.ParticipantDisconnected, (participant) => this.onUserGone(participant));
    room.on(RoomEvent.ParticipantConnected, (participant) => {
      if (this.isUser(participant)) clearTimeout(this.goodbye);
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

  /** Joins the room, and publishes the bot's voice. @throws when that fails or the signal aborts */
  static async join(
    sdk: LiveKitRtc,
    { url, token }: LiveKitRunnerArguments,
    options: LiveKitJoinOptions,
  ): Promise<LiveKitMediaConnection> {
    const { signal } = options;
    signal?.throwIfAborted();
    const link = new LiveKitMediaConnection(
      sdk,
      new sdk.Room(),
      new sdk.AudioSource(OUTPUT_HZ, 1),
      options,
    );
    const aborted = new Promise<never>((_, reject) =>
      signal?.addEventListener('abort', () => reject(signal.reason as Error)),
    );
    try {
      await Promise.race([link.enter(url, token), aborted]);
      return link;
    } catch (error) {
      void link.close();
      throw error;
    }
  }

  open(events: MediaConnectionEvents): void {
    this.events = events;
    events.connected();
    for (let next = this.early.take(); next; next = this.early.take()) next.value.report(events);
  }

  sendAudio(pcm: Int16Array): boolean {
    if (this.untaken >= MAX_UNTAKEN) return false;
    this.untaken++;
    // A copy: the SDK reads the whole memory behind an array.
    const frame = new this.sdk.AudioFrame(pcm.slice(), OUTPUT_HZ, 1, pcm.length);
    void this.source
      .captureFrame(frame)
      // It is closed once the bot leaves.
      .catch(() => undefined)
      .then(() => this.untaken--);
    return true;
  }

  clear(): void {
    if (!this.leaving) this.source.clearQueue();
  }

  mark(): void {
    // Estimated.
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
    if (this.unsentMessages >= MAX_UNSENT_MESSAGES) return false;
    this.unsentMessages++;
    void this.room
      .localParticipant!.publishData(Buffer.from(JSON.stringify(message)), { reliable: true })
      .catch(() => undefined)
      .then(() => this.unsentMessages--);
    return true;
  }

  async hangUp() {
    return this.options.hangUp?.() ?? { ok: true, via: 'connection' as const };
  }

  async close(): Promise<void> {
    clearTimeout(this.goodbye);
    this.leaving ??= Promise.race([
      Promise.allSettled([this.room.disconnect(), this.source.close()]),
      new Promise((resolve) => setTimeout(resolve, LEAVE_MS).unref()),
    ]);
    await this.leaving;
  }

  private async enter(url: string, token: string): Promise<void> {
    const { sdk, room } = this;
    await room.connect(url, token, { autoSubscribe: true, dynacast: false });
    // The SDK cannot be told to give up: whoever did meanwhile leaves now.
    if (this.leaving) return room.disconnect();
    const track = sdk.LocalAudioTrack.createAudioTrack('bot', this.source);
    const publishOptions = new sdk.TrackPublishOptions();
    publishOptions.source = sdk.TrackSource.SOURCE_MICROPHONE;
    await room.localParticipant!.publishTrack(track, publishOptions);
  }

  /** @param content what of it is kept while there is nobody to tell */
  private tell(report: EarlyReport['report'], content?: unknown): void {
    if (this.events) report(this.events);
    else this.early.push({ report, size: MESSAGE_BUFFER.sizeOf(content) });
  }

  /** Leaves with the last user; at once when that one said goodbye, and otherwise unless someone comes back. */
  private onUserGone(participant: rtc.Participant): void {
    const { room, sdk } = this;
    const someone = [...room.remoteParticipants.values()].some((other) => this.isUser(other));
    if (someone || !this.isUser(participant)) return;
    const leave = (): void =>
      this.end({ reason: 'peer_left', message: 'The user left the LiveKit room.' });
    if (participant.disconnectReason === sdk.DisconnectReason.CLIENT_INITIATED) leave();
    else this.goodbye = setTimeout(leave, RETURN_MS).unref();
  }

  private end(end: MediaEnd): void {
    if (this.leaving) return;
    void this.close();
    this.tell((events) => events.disconnected(end));
  }

  private isUser({ kind }: rtc.Participant): boolean {
    return kind !== this.sdk.ParticipantKind.AGENT;
  }

  /** Listens to the first user who can be heard, and when that one is done to the next. */
  private hearSomeone(): void {
    if (this.hearing || this.leaving) return;
    for (const participant of this.room.remoteParticipants.values()) {
      if (!this.isUser(participant)) continue;
      for (const { track } of participant.trackPublications.values()) {
        if (track?.kind !== this.sdk.TrackKind.KIND_AUDIO || this.done.has(track)) continue;
        this.hearing = true;
        this.done.add(track);
        attempt(
          async () => {
            await this.listen(track).catch(() => undefined);
            this.hearing = false;
            this.hearSomeone();
          },
          (thrown) => this.end({ reason: 'failed', message: textOfThrown(thrown).message }),
        );
        return;
      }
    }
  }

  private async listen(track: rtc.RemoteTrack): Promise<void> {
    const { sampleRateHz } = this.options;
    const stream = new this.sdk.AudioStream(track, { sampleRate: sampleRateHz, numChannels: 1 });
    for await (const { data } of stream as unknown as AsyncIterable<rtc.AudioFrame>) {
      if (this.leaving) return;
      this.tell((events) => events.audio(data, sampleRateHz, 1, undefined));
    }
  }

  private onData(payload: Uint8Array): void {
    // Behind the end, which is the last that is told.
    if (this.leaving) return;
    let message: unknown;
    try {
      message = parseJson(Buffer.from(payload).toString('utf8'));
    } catch {
      this.tell((events) => events.malformed('data that is not JSON, or too deep'));
      return;
    }
    this.tell((events) => events.message(message), message);
  }
}
