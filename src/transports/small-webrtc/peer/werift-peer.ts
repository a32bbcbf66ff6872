import { randomInt } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import type * as werift from 'werift';
import type { OutgoingRtp } from '../../../media/rtp/rtp-packet.js';
import { endTurnAllocations } from '../../../compat/werift/end-turn-allocations.js';
import { guardDtls } from '../../../compat/werift/guard-dtls.js';
import { guardIce } from '../../../compat/werift/guard-ice.js';
import { guardSctp } from '../../../compat/werift/guard-sctp.js';
import { withCandidates } from '../negotiator.js';
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

/** The werift package, an optional peer dependency. */
export type Werift = typeof werift;

/** Timeout for flushing pending messages before the close, in milliseconds. */
const FLUSH_MS = 200;
/** Backpressure limit of the data channel, in bytes. A client past it is disconnected. */
const MAX_BUFFERED = 4 * 1_048_576;
/** The most datagrams buffered before the DTLS transport exists. */
const MAX_EARLY = 20;
/** The most unknown RTP streams (SSRCs) of a client. */
const MAX_STRAY_STREAMS = 100;
/** Tells DTLS from STUN and RTP by the first byte of a datagram (RFC 7983). */
const isDtls = (data: Buffer): boolean => data[0]! >= 20 && data[0]! < 64;

/** Creates peer connections with werift, a WebRTC implementation in TypeScript. */
export async function weriftStack(lib: Werift): Promise<PeerStack> {
  // All connections share one DTLS certificate, generated ahead of the first.
  await lib.RTCDtlsTransport.SetupCertificate();
  endTurnAllocations(lib);
  return { create: (options, events) => new WeriftPeer(lib, options, events) };
}

/** A track: its transceiver and the state of its outgoing RTP stream. */
interface Track {
  readonly name: TrackName;
  readonly transceiver: werift.RTCRtpTransceiver;
  readonly firstTimestamp: number;
  sequenceNumber: number;
  /** SSRC of the client's stream, once known. */
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
    // Passive DTLS role: the client starts the handshake. In the active role werift waits 100 ms first.
    const passive = sdp.includes('a=setup:passive')
      ? answer
      : answer.replaceAll('a=setup:active', 'a=setup:passive');
    await pc.setLocalDescription({ type: 'answer', sdp: passive });
    this.resumeIce();
    return { sdp: withCandidates(pc.localDescription!.sdp), tracks: this.negotiated() };
  }

  addCandidate({ candidate, mid }: RemoteCandidate): void {
    // The line was validated before; a candidate that is too late is ignored.
    this.pc.addIceCandidate({ candidate, sdpMid: mid }).catch(() => undefined);
  }

  send(text: string): boolean {
    const { channel } = this;
    if (channel?.readyState !== 'open') return false;
    if (channel.bufferedAmount > MAX_BUFFERED) {
      this.events.failed('The client does not take its messages.');
      return false;
    }
    try {
      channel.send(text);
      return true;
    } catch {
      // The message is larger than the client accepts.
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
    // A datagram leaves in a later tick, unless the socket is closed.
    await setImmediate();
    await this.pc.close();
  }

  /** Waits until pending messages have left. */
  private async flush(): Promise<void> {
    const { channel } = this;
    if (channel?.readyState !== 'open' || channel.bufferedAmount === 0) return;
    channel.bufferedAmountLowThreshold = 0;
    const left = new Promise<void>((resolve) => channel.bufferedAmountLow.once(() => resolve()));
    await within(FLUSH_MS, left);
  }

  /** Prepares a new transport before it gathers candidates or receives datagrams. */
  private prepare(transport: werift.RTCDtlsTransport): void {
    if (this.knownTransports.has(transport)) return;
    const { connection } = transport.iceTransport;
    guardIce(this.lib, connection);
    this.knownTransports.add(transport);
    // Without a STUN server werift uses Google's.
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
        // werift keeps state for each SSRC.
        if (stray.add(header.ssrc).size > MAX_STRAY_STREAMS) {
          this.events.failed('The client sends too many RTP streams.');
        }
        return;
      }
      const { ssrc, payloadType, sequenceNumber, timestamp, marker } = header;
      const packet = { ssrc, payloadType, sequenceNumber, timestamp, marker, payload };
      this.events.rtp(name, packet);
    });
    // werift itself routes RTCP of a client that also sends to its receiver only.
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

  /** Restarts connectivity checks after an ICE restart by the client, which werift ignores on an existing connection. */
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

  /** Assigns transceivers to tracks, by the order of each kind. */
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
      // The screen track is receive-only, as in Pipecat.
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

  /** Finds the track by SSRC, or else by payload type: offers need not announce their SSRCs. */
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
 * Guards the DTLS connection of a transport as soon as it exists. Earlier datagrams are buffered, which saves the client a retransmission
 * after 1 s.
 *
 * @param fail called when the connection cannot be guarded
 */
function receiveDtls(transport: werift.RTCDtlsTransport, fail: () => void): void {
  const { onData } = transport.iceTransport.connection;
  const early: Buffer[] = [];
  const { unSubscribe } = onData.subscribe((data) => {
    if (isDtls(data) && early.length < MAX_EARLY) early.push(data);
  });
  const started = transport.onStateChange.subscribe((state) => {
    if (state !== 'connecting') return;
    unSubscribe();
    started.unSubscribe();
    // The DTLS transport is created right after this event.
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

/** @returns false on timeout */
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
