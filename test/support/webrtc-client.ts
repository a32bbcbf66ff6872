import { EventEmitter, on, once } from 'node:events';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import * as opus from 'libopus-wasm';
import * as werift from 'werift';
import {
  createOpusDecoder,
  createOpusEncoder,
  OPUS_OUTPUT_HZ,
} from '../../src/media/codecs/opus.js';
import { OpusJitterBuffer } from '../../src/media/rtp/opus-jitter-buffer.js';
import { post } from './runner-app.js';
import { steadyHandshake } from './steady-handshake.js';

const PACKET = OPUS_OUTPUT_HZ / 50;
const CONNECT_TIMEOUT_MS = 15_000;
/** Sample rate of the client's received audio, in Hz. */
export const HEARD_HZ = 16_000;

export interface WebRtcClientOptions {
  /** URL of offers: `<url>/api/offer`, or `<url>/sessions/<id>/api/offer`. */
  readonly offerUrl: string;
  readonly requestData?: unknown;
  readonly video?: boolean;
  /** Audio only, as from a phone, without a data channel. */
  readonly soundOnly?: boolean;
  /** A data channel only, as of a text client. */
  readonly textOnly?: boolean;
  readonly iceServers?: werift.RTCIceServer[];
  readonly iceTransportPolicy?: 'all' | 'relay';
  /** Changes the offer before it is sent. */
  readonly adaptOffer?: (sdp: string) => string;
}

/**
 * Connects two peers in this process, until it works: where the code runs for the first time on a busy machine, werift's own client
 * takes it for a failure that an answer takes longer than a second.
 */
export async function warmUp(): Promise<void> {
  for (;;) {
    const [a, b] = [0, 1].map(
      () =>
        new werift.RTCPeerConnection({
          iceServers: [],
          iceUseIpv6: false,
          bundlePolicy: 'max-bundle',
        }),
    ) as [werift.RTCPeerConnection, werift.RTCPeerConnection];
    const channel = a.createDataChannel('warm-up');
    const skipStun = (pc: werift.RTCPeerConnection): void => {
      for (const { connection } of pc.iceTransports) connection.stunServer = undefined;
    };
    skipStun(a);
    await a.setLocalDescription(await a.createOffer());
    await b.setRemoteDescription(a.localDescription!);
    // The one that answers is the client of DTLS.
    steadyHandshake(b);
    skipStun(b);
    await b.setLocalDescription(await b.createAnswer());
    await a.setRemoteDescription(b.localDescription!);
    const open = await channel.stateChanged
      .watch((state) => state === 'open', 10_000)
      .then(() => true)
      .catch(() => false);
    await Promise.all([a.close(), b.close()]);
    if (open) return;
  }
}

/** Error of a client that is not connected in time: on a machine that is busy enough, its own WebRTC gives up. */
export class NotConnectedError extends Error {}

/** A WebRTC client as Pipecat's small-webrtc-transport is one, without a browser. */
export class WebRtcClient extends EventEmitter<{ message: [unknown]; closed: []; heard: [] }> {
  readonly messages: unknown[] = [];
  pcId: string | null = null;
  pc!: werift.RTCPeerConnection;
  channel: werift.RTCDataChannel | undefined;
  audio!: werift.RTCRtpTransceiver;
  camera: werift.RTCRtpTransceiver | undefined;
  private samples: Int16Array[] = [];
  private pings: NodeJS.Timeout | undefined;
  /** Resolves once its audio is received, which may begin right after the answer. */
  private hearing: Promise<void> | undefined;
  private sequenceNumber = 0;
  private timestamp = 0;

  private constructor(private readonly options: WebRtcClientOptions) {
    super();
  }

  /** Sends an offer; `opened` is for the connection. */
  static async offer(options: WebRtcClientOptions): Promise<WebRtcClient> {
    const client = new WebRtcClient(options);
    client.makePeer();
    await client.orClosed(client.negotiate());
    return client;
  }

  static async connect(options: WebRtcClientOptions): Promise<WebRtcClient> {
    const client = await WebRtcClient.offer(options);
    await client.orClosed(client.opened());
    return client;
  }

  /** A client that nobody is given leaves no sockets. */
  private async orClosed(step: Promise<unknown>): Promise<void> {
    try {
      await step;
    } catch (error) {
      await this.pc.close();
      throw error;
    }
  }

  async opened(): Promise<void> {
    const { pc, channel } = this;
    if (channel ? channel.readyState === 'open' : pc.connectionState === 'connected') return;
    const isClosed = 'the client was closed before it was connected';
    if (pc.connectionState === 'closed') throw new NotConnectedError(isClosed);
    await new Promise<void>((resolve, reject) => {
      const watched = [
        pc.connectionStateChange.subscribe((state) => {
          if (state === 'connected' && !channel) settle();
          if (state === 'closed') settle(isClosed);
        }),
        ...(channel
          ? [channel.stateChanged.subscribe((state) => void (state === 'open' && settle()))]
          : []),
      ];
      const late = 'the client was not connected in time';
      const timer = setTimeout(() => settle(late), CONNECT_TIMEOUT_MS).unref();
      const settle = (problem?: string): void => {
        clearTimeout(timer);
        for (const { unSubscribe } of watched) unSubscribe();
        if (problem === undefined) resolve();
        else reject(new NotConnectedError(problem));
      };
    });
  }

  /** Sends another offer, for a new peer connection under the same bot if `restart`. */
  async negotiate({ restart = false, iceRestart = false } = {}): Promise<{
    status: number;
    json: Record<string, unknown>;
  }> {
    const old = restart ? this.pc : undefined;
    if (restart) this.makePeer();
    const { pc } = this;
    await this.hearing;
    await pc.setLocalDescription(await pc.createOffer({ iceRestart }));
    const { sdp } = pc.localDescription!;
    const answer = await post(this.options.offerUrl, {
      sdp: this.options.adaptOffer?.(sdp) ?? sdp,
      type: 'offer',
      pc_id: this.pcId,
      restart_pc: restart,
      ...(this.options.requestData !== undefined && { requestData: this.options.requestData }),
    }).catch(async (error: unknown) => {
      await pc.close();
      throw error;
    });
    if (answer.status === 200) {
      this.pcId = answer.json.pc_id as string;
      await pc.setRemoteDescription({ type: 'answer', sdp: answer.json.sdp as string });
      if (iceRestart) await Promise.all(pc.iceTransports.map((transport) => transport.start()));
    } else {
      await pc.close();
    }
    await old?.close();
    return answer;
  }

  /** Tells the server once a second, or not any more, that the client is there. */
  ping(on = true): void {
    clearInterval(this.pings);
    if (!on) return;
    const send = (): void => {
      if (this.pc.connectionState === 'closed') return clearInterval(this.pings);
      this.channel!.send(`ping: ${Date.now()}`);
    };
    send();
    this.pings = setInterval(send, 1_000);
  }

  send(message: unknown): void {
    this.channel!.send(JSON.stringify(message));
  }

  /** The next message that is such a one, of those that came or will. */
  async next(is: (message: never) => boolean): Promise<never> {
    const found = this.messages.find((message) => is(message as never));
    if (found !== undefined) return found as never;
    for await (const [message] of on(this, 'message'))
      if (is(message as never)) return message as never;
    throw new Error('unreachable');
  }

  /** Speaks at the pace of speech. @param pcm at {@link OPUS_OUTPUT_HZ} */
  async speak(pcm: Int16Array): Promise<void> {
    const encoder = await createOpusEncoder(opus);
    const startMs = performance.now();
    for (let i = 0; (i + 1) * PACKET <= pcm.length; i++) {
      await sleep(Math.max(0, startMs + i * 20 - performance.now()));
      await this.sendPacket(
        Buffer.from(encoder.encode(pcm.subarray(i * PACKET, (i + 1) * PACKET))),
      );
    }
    encoder.free();
  }

  async sendPacket(payload: Buffer, duration = 960): Promise<void> {
    const header = new werift.RtpHeader({
      sequenceNumber: this.sequenceNumber++ & 0xffff,
      timestamp: (this.timestamp += duration) % 2 ** 32,
    });
    await this.audio.sender.sendRtp(new werift.RtpPacket(header, payload));
  }

  /** All it heard so far. */
  get heard(): Int16Array {
    const all = new Int16Array(this.samples.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const pcm of this.samples) {
      all.set(pcm, at);
      at += pcm.length;
    }
    return all;
  }

  /** Hears that much sound from now on. */
  async listen(seconds: number): Promise<Int16Array> {
    const before = this.heard.length;
    while (this.heard.length < before + seconds * HEARD_HZ) await once(this, 'heard');
    return this.heard.subarray(before);
  }

  /** Says goodbye as a page that closes its connection does. */
  async leave(): Promise<void> {
    clearInterval(this.pings);
    await this.pc.sctpTransport?.stop();
    await setImmediate();
    await this.pc.close();
  }

  /** Is gone without a word, as when a process is killed. */
  async vanish(): Promise<void> {
    clearInterval(this.pings);
    for (const { iceTransport } of this.pc.dtlsTransports) await iceTransport.connection.close();
  }

  private makePeer(): void {
    const { iceServers = [], iceTransportPolicy, video, soundOnly, textOnly } = this.options;
    const pc = new werift.RTCPeerConnection({
      iceServers,
      ...(iceTransportPolicy && { iceTransportPolicy }),
      iceUseIpv6: false,
      bundlePolicy: 'max-bundle',
      codecs: { audio: [werift.useOPUS()], video: [werift.useVP8()] },
      headerExtensions: {},
    });
    this.pc = pc;
    if (!textOnly) this.audio = pc.addTransceiver('audio', { direction: 'sendrecv' });
    if (video) this.camera = pc.addTransceiver('video', { direction: 'sendrecv' });
    this.channel = soundOnly ? undefined : pc.createDataChannel('chat', { ordered: true });
    steadyHandshake(pc);
    if (iceServers.length === 0) {
      for (const { connection } of pc.iceTransports) connection.stunServer = undefined;
    }
    this.channel?.onMessage.subscribe((data) => {
      const message: unknown = JSON.parse(data.toString());
      this.messages.push(message);
      this.emit('message', message);
    });
    this.channel?.stateChanged.subscribe((state) => {
      if (state === 'closed' && pc === this.pc) this.emit('closed');
    });
    this.hearing = this.hear(pc);
  }

  private async hear(pc: werift.RTCPeerConnection): Promise<void> {
    const decoder = await createOpusDecoder(opus, HEARD_HZ);
    const receiver = new OpusJitterBuffer(decoder, (pcm) => {
      this.samples.push(pcm);
      this.emit('heard');
    });
    pc.onTrack.subscribe((track) => {
      if (track.kind !== 'audio') return;
      track.onReceiveRtp.subscribe(({ header, payload }) =>
        receiver.push({ ...header, payload }, performance.now()),
      );
    });
  }
}
