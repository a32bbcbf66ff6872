import { randomInt } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import type * as werift from 'werift';
import type { OutgoingRtp } from '../../../media/rtp/rtp-packet.js';
import { endTurnAllocations } from '../../../compat/werift/end-turn-allocations.js';
import { guardDtls } from '../../../compat/werift/guard-dtls.js';
import { guardIce } from '../../../compat/werift/guard-ice.js';
import { guardSctp } from '../../../compat/werift/guard-sctp.js';
import {
  type NegotiatedTrack,
  type Peer,
  type PeerEvents,
  type PeerOptions,
  type PeerStack,
  type PeerStats,
  type RemoteCandidate,
  TRACK_NAMES,
  type TrackName,
} from './peer.js';

/** The package, an optional peer dependency. */
export type Werift = typeof werift;

/** How long what was said last may take to leave before the connection is closed, in milliseconds. */
const FLUSH_MS = 200;
/** With more than this unsent the client is given up, in bytes. */
const MOST_BUFFERED = 4 * 1_048_576;
/** More datagrams than this are not kept for later. */
const MOST_EARLY = 20;
/** RTP streams of a client that belong to none of its tracks. */
const MOST_STRAY_STREAMS = 100;
/** The first byte of a datagram tells DTLS from STUN and RTP (RFC 7983). */
const isDtls = (data: Buffer): boolean => data[0]! >= 20 && data[0]! < 64;

/** Peer connections by werift, a WebRTC implementation in TypeScript. */
export async function weriftStack(lib: Werift): Promise<PeerStack> {
  // All connections share one, and the first need not wait for it.
  await lib.RTCDtlsTransport.SetupCertificate();
  endTurnAllocations(lib);
  return { create: (options, events) => new WeriftPeer(lib, options, events) };
}

/** A track: the transceiver behind it, and where its outgoing stream is. */
interface Track {
  readonly name: TrackName;
  readonly transceiver: werift.RTCRtpTransceiver;
  readonly firstTimestamp: number;
  sequenceNumber: number;
  /** The client's stream, once it is known. */
  ssrc: number | undefined;
}

class WeriftPeer implements Peer {
  private readonly pc: werift.RTCPeerConnection;
  private readonly tracks = new Map<TrackName, Track>();
  private readonly knownTransports = new WeakSet<werift.RTCDtlsTransport>();
  private guarded: object | undefined;
  private channel: werift.RTCDataChannel | undefined;
  private closed = false;

  constructor(
    private readonly lib: Werift,
    private readonly options: PeerOptions,
    private readonly events: PeerEvents,
  ) {
    const { iceServers, iceTransportPolicy, hostAddresses, udpPortRange } = options;
    this.pc = new lib.RTCPeerConnection({
      iceServers: iceServers.flatMap(({ urls, ...credentials }) =>
        [urls].flat().map((url) => ({ urls: url, ...credentials })),
      ),
      iceTransportPolicy,
      iceAdditionalHostAddresses: [...hostAddresses],
      ...(udpPortRange && { icePortRange: [...udpPortRange] }),
      bundlePolicy: 'max-bundle',
      codecs: { audio: [lib.useOPUS()], video: [lib.useVP8(), lib.useH264()] },
      headerExtensions: {},
    });
    this.pc.connectionStateChange.subscribe((state) => {
      if (this.closed) return;
      if (state === 'connected') events.connected();
      if (state === 'failed') events.failed('The peer connection failed.');
      if (state === 'closed') events.left();
    });
    this.pc.onDataChannel.subscribe((channel) => this.useChannel(channel));
  }

  async answer(sdp: string) {
    const { pc } = this;
    await pc.setRemoteDescription({ type: 'offer', sdp });
    for (const transport of pc.dtlsTransports) this.prepare(transport);
    this.guard(pc.sctpTransport);
    this.assignTracks();
    const { sdp: answer } = await pc.createAnswer();
    // Whoever is called needs no time to call; werift takes 100 ms before it does.
    const passive = sdp.includes('a=setup:passive')
      ? answer
      : answer.replaceAll('a=setup:active', 'a=setup:passive');
    await pc.setLocalDescription({ type: 'answer', sdp: passive });
    this.resumeIce();
    return { sdp: pc.localDescription!.sdp, tracks: this.negotiated() };
  }

  addCandidate({ candidate, mid }: RemoteCandidate): void {
    // What it says of the candidate was checked; that it is too late for it is no trouble.
    this.pc.addIceCandidate({ candidate, sdpMid: mid }).catch(() => undefined);
  }

  send(text: string): boolean {
    const { channel } = this;
    if (channel?.readyState !== 'open') return false;
    if (channel.bufferedAmount > MOST_BUFFERED) {
      this.events.failed('The client does not take its messages.');
      return false;
    }
    try {
      channel.send(text);
      return true;
    } catch {
      // It is larger than the client takes.
      return false;
    }
  }

  sendRtp(name: TrackName, { payload, timestamp, marker }: OutgoingRtp): void {
    const track = this.tracks.get(name);
    if (!track) return;
    const { RtpHeader, RtpPacket } = this.lib;
    const header = new RtpHeader({
      sequenceNumber: track.sequenceNumber,
      timestamp: (track.firstTimestamp + timestamp) % 2 ** 32,
      marker,
    });
    track.sequenceNumber = (track.sequenceNumber + 1) & 0xffff;
    void track.transceiver.sender.sendRtp(new RtpPacket(header, payload)).catch(() => undefined);
  }

  requestKeyframe(name: TrackName): void {
    const { receiver } = this.tracks.get(name)?.transceiver ?? {};
    const ssrc = receiver?.track.ssrc;
    if (ssrc !== undefined) void receiver!.sendRtcpPLI(ssrc).catch(() => undefined);
  }

  async stats(): Promise<PeerStats> {
    const report = await this.tracks.get('microphone')?.transceiver.sender.getStats();
    const remote = [...(report?.values() ?? [])].find(
      ({ type }) => type === 'remote-inbound-rtp',
    ) as { roundTripTime?: number; fractionLost?: number } | undefined;
    const seconds = remote?.roundTripTime ?? this.pc.iceTransports[0]?.connection.nominated?.rtt;
    return {
      roundTripMs: seconds === undefined ? undefined : seconds * 1_000,
      lossOut: remote?.fractionLost,
    };
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    await this.flush();
    await this.pc.sctpTransport?.stop();
    // A datagram leaves a moment after it is sent, unless the socket is closed.
    await setImmediate();
    await this.pc.close();
  }

  /** Waits until what was said last has left. */
  private async flush(): Promise<void> {
    const { channel } = this;
    if (channel?.readyState !== 'open' || channel.bufferedAmount === 0) return;
    channel.bufferedAmountLowThreshold = 0;
    const left = new Promise<void>((resolve) => channel.bufferedAmountLow.once(() => resolve()));
    await within(FLUSH_MS, left);
  }

  /** Sets up a new transport before it gathers candidates or hears of the client. */
  private prepare(transport: werift.RTCDtlsTransport): void {
    if (this.knownTransports.has(transport)) return;
    const { connection } = transport.iceTransport;
    guardIce(this.lib, connection);
    this.knownTransports.add(transport);
    // Without one werift asks Google's.
    if (!this.options.iceServers.some(({ urls }) => /^stuns?:/.test([urls].flat().join(' ')))) {
      connection.stunServer = undefined;
    }
    const gather = connection.gatherCandidates.bind(connection);
    connection.gatherCandidates = async () => {
      if (!(await within(this.options.gatheringTimeoutMs, gather()))) {
        this.events.gatheringTimedOut();
      }
    };
    receiveDtls(transport, () => this.events.failed('The peer connection cannot be protected.'));
    const stray = new Set<number>();
    transport.onRtp.subscribe(({ header, payload }) => {
      const name = this.trackOf(header);
      if (!name) {
        // werift keeps a state for each.
        if (stray.add(header.ssrc).size > MOST_STRAY_STREAMS) {
          this.events.failed('The client sends too many RTP streams.');
        }
        return;
      }
      const { ssrc, payloadType, sequenceNumber, timestamp, marker } = header;
      const packet = { ssrc, payloadType, sequenceNumber, timestamp, marker, payload };
      this.events.rtp(name, packet);
    });
    // werift itself takes those of a client that also sends for its receiver's.
    transport.onRtcp.subscribe((packet) => {
      const { RtcpPayloadSpecificFeedback, PictureLossIndication } = this.lib;
      if (!(packet instanceof RtcpPayloadSpecificFeedback)) return;
      const { feedback } = packet;
      if (!(feedback instanceof PictureLossIndication)) return;
      for (const { name, transceiver } of this.tracks.values()) {
        if (transceiver.sender.ssrc === feedback.mediaSsrc) this.events.keyframeRequested(name);
      }
    });
  }

  /** When the client restarts ICE under a connection, werift takes no notice of what it finds. */
  private resumeIce(): void {
    for (const { state, iceTransport } of this.pc.dtlsTransports) {
      if (state !== 'connected' || iceTransport.state !== 'new') continue;
      iceTransport
        .start()
        .catch(() => this.events.failed('The client was lost in an ICE restart.'));
    }
  }

  private guard(sctp: werift.RTCSctpTransport | undefined): void {
    if (!sctp || this.guarded === sctp.sctp) return;
    guardSctp(sctp, (message) => this.events.failed(message));
    this.guarded = sctp.sctp;
  }

  /** Tells which transceiver is which track: by the order of those of a kind. */
  private assignTracks(): void {
    const { pc } = this;
    const offered = new Set(pc._remoteDescription?.media.map(({ rtp }) => rtp.muxId));
    const found = pc.getTransceivers().filter(({ mid }) => mid !== null && offered.has(mid));
    const videos = found.filter(({ kind }) => kind === 'video');
    const named = {
      microphone: found.find(({ kind }) => kind === 'audio'),
      camera: videos[0],
      screenVideo: videos[1],
    };
    for (const name of TRACK_NAMES) {
      const transceiver = named[name];
      if (!transceiver || this.tracks.get(name)?.transceiver === transceiver) continue;
      // A screen is only watched, as in Pipecat.
      transceiver.setDirection(name === 'screenVideo' ? 'recvonly' : 'sendrecv');
      const [sequenceNumber, firstTimestamp] = [randomInt(2 ** 15), randomInt(2 ** 31)];
      this.tracks.set(name, { name, transceiver, sequenceNumber, firstTimestamp, ssrc: undefined });
    }
  }

  private negotiated(): NegotiatedTrack[] {
    return [...this.tracks.values()].map((track) => {
      const { name, transceiver } = track;
      const direction = transceiver.currentDirection ?? 'inactive';
      track.ssrc = transceiver.receiver.tracks.at(-1)?.ssrc;
      return {
        name,
        codec: codecOf(transceiver),
        clientSends: direction === 'sendrecv' || direction === 'recvonly',
        clientReceives: direction === 'sendrecv' || direction === 'sendonly',
      };
    });
  }

  /** By its stream, or else by its codec: offers need not name their streams. */
  private trackOf({ ssrc, payloadType }: werift.RtpHeader): TrackName | undefined {
    for (const track of this.tracks.values()) if (track.ssrc === ssrc) return track.name;
    for (const track of this.tracks.values()) {
      const { codecs } = track.transceiver;
      if (track.ssrc === undefined && codecs.some((codec) => codec.payloadType === payloadType)) {
        track.ssrc = ssrc;
        return track.name;
      }
    }
    return undefined;
  }

  private useChannel(channel: werift.RTCDataChannel): void {
    this.channel = channel;
    channel.onMessage.subscribe((data) => this.events.message(data.toString()));
    channel.stateChanged.subscribe((state) => {
      if (this.channel !== channel || this.closed) return;
      if (state === 'open') this.events.channelOpen();
      if (state === 'closed') this.events.left();
    });
  }
}

function codecOf({ codecs }: werift.RTCRtpTransceiver): NegotiatedTrack['codec'] {
  const name = codecs[0]!.name.toUpperCase();
  return name === 'VP8' || name === 'H264' ? name : 'opus';
}

/**
 * Guards the DTLS connection of a transport as soon as it exists. What the client sends some milliseconds before is kept for it; else the
 * client would send it again a second later.
 *
 * @param fail called when it cannot be guarded
 */
function receiveDtls(transport: werift.RTCDtlsTransport, fail: () => void): void {
  const { onData } = transport.iceTransport.connection;
  const early: Buffer[] = [];
  const { unSubscribe } = onData.subscribe((data) => {
    if (isDtls(data) && early.length < MOST_EARLY) early.push(data);
  });
  const started = transport.onStateChange.subscribe((state) => {
    if (state !== 'connecting') return;
    unSubscribe();
    started.unSubscribe();
    // It is created right after this event.
    queueMicrotask(() => {
      try {
        guardDtls(transport.dtls!);
      } catch {
        return fail();
      }
      for (const data of early) onData.execute(data);
    });
  });
}

/** @returns whether the task was done in time */
async function within(ms: number, task: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  try {
    return await Promise.race([task.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}
