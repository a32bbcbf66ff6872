import {
  createOpusDecoder,
  createOpusEncoder,
  type Opus,
  OPUS_OUTPUT_HZ,
} from '../../media/codecs/opus.js';
import type {
  HangUpOutcome,
  MediaEnd,
  MediaConnection,
  MediaConnectionEvents,
} from '../../media/media-connection.js';
import { OpusJitterBuffer } from '../../media/rtp/opus-jitter-buffer.js';
import { OpusSender, PACKET_SAMPLES } from '../../media/rtp/opus-sender.js';
import type { RtpPacket } from '../../media/rtp/rtp-packet.js';
import type { HandOver } from '../../sessions/session-context.js';
import type { SmallWebRTCConnection } from './small-webrtc-connection.js';

type Decoder = Awaited<ReturnType<typeof createOpusDecoder>>;
type Encoder = Awaited<ReturnType<typeof createOpusEncoder>>;

/** Media connection over a WebRTC peer connection: Opus audio and messages. */
export class WebRtcMediaConnection implements MediaConnection {
  readonly capabilities = {
    marks: 'estimated',
    remoteClear: true,
    dtmfIn: false,
    dtmfOut: false,
    messages: true,
  } as const;
  readonly output = { sampleRateHz: OPUS_OUTPUT_HZ, chunkSamples: PACKET_SAMPLES };
  private readonly sender: OpusSender;
  private timer: NodeJS.Timeout | undefined;
  private stop: () => void = () => undefined;
  private released = false;

  private constructor(
    private readonly connection: SmallWebRTCConnection,
    private readonly decoder: Decoder,
    private readonly encoder: Encoder,
    private readonly endCall: HandOver['hangUp'],
  ) {
    this.sender = new OpusSender(encoder, (packet) => connection.audio.send(packet));
  }

  /**
   * @param sampleRateHz preferred sample rate of the received audio
   * @param endCall ends the call at its provider, where there is one
   */
  static async create(
    opus: Opus,
    connection: SmallWebRTCConnection,
    sampleRateHz: number | 'native' | undefined,
    endCall?: HandOver['hangUp'],
  ): Promise<WebRtcMediaConnection> {
    const decoder = await createOpusDecoder(opus, sampleRateHz);
    return new WebRtcMediaConnection(connection, decoder, await createOpusEncoder(opus), endCall);
  }

  open(events: MediaConnectionEvents): void {
    const { connection, decoder } = this;
    const { audio } = connection;
    const receiver = new OpusJitterBuffer(decoder, (pcm, timestampMs) =>
      events.audio(pcm, decoder.sampleRate, 1, timestampMs),
    );
    const receive = (packet: RtpPacket): void => receiver.push(packet, performance.now());
    const tick = (): void => {
      const nowMs = performance.now();
      receiver.fillsSilence = audio.enabled;
      receiver.tick(nowMs);
      const nextMs = this.sender.tick(nowMs);
      this.timer = setTimeout(tick, Math.max(1, nextMs - performance.now()));
    };
    this.stop = () => {
      audio.off('packet', receive);
      clearTimeout(this.timer);
    };
    audio.on('packet', receive);
    tick();
    connection.on('app-message', (message) => events.message(message));
    connection.on('connected', () => events.connected());
    if (connection.isConnected) events.connected();
    connection.on('closed', (end) => {
      this.release();
      events.disconnected(end);
    });
  }

  sendAudio(pcm: Int16Array): boolean {
    return this.sender.push(pcm);
  }

  clear(): void {
    this.sender.clear();
  }

  mark(): void {
    // Estimated duration.
  }

  sendDtmf(): boolean {
    return false;
  }

  sendMessage(message: unknown): boolean {
    return this.connection.sendAppMessage(message);
  }

  async hangUp(): Promise<HangUpOutcome> {
    return (await this.endCall?.()) ?? { ok: true, via: 'connection' };
  }

  close(end: MediaEnd): void {
    // The end of the session closes the connection by itself.
    if (end.reason !== 'aborted') void this.connection.disconnect(end);
    this.release();
  }

  private release(): void {
    if (this.released) return;
    this.released = true;
    this.stop();
    this.decoder.free();
    this.encoder.free();
  }
}
