import { setImmediate } from 'node:timers/promises';
import type * as werift from 'werift';
import type { OutgoingRtp } from '../../../media/rtp/rtp-packet.js';
import { bindUdpSockets } from '../../../compat/werift/bind-udp-sockets.js';
import { endTurnAllocations } from '../../../compat/werift/end-turn-allocations.js';
import { guardSctp, NOT_TAKEN } from '../../../compat/werift/guard-sctp.js';
import { guardTurn } from '../../../compat/werift/guard-turn.js';
import { limitTurnStreams } from '../../../compat/werift/limit-turn-streams.js';
import { withCandidates } from '../negotiator.js';
import type {
  Peer,
  PeerEvents,
  PeerOptions,
  PeerStack,
  PeerStats,
  RemoteCandidate,
  TrackName,
} from './peer.js';
import { WeriftTracks } from './werift-tracks.js';
import { prepareTransport } from './werift-transport.js';
import { within } from './within.js';

/** The werift package, an optional peer dependency. */
export type Werift = typeof werift;

/** Timeout for flushing pending messages before the close, in milliseconds. */
const FLUSH_MS = 200;
/** Backpressure limit of the data channel, in bytes. A client past it is disconnected. */
const MAX_BUFFERED = 4 * 1_048_576;
/** Creates peer connections with werift, a WebRTC implementation in TypeScript. */
export async function weriftStack(lib: Werift): Promise<PeerStack> {
  // All connections share one DTLS certificate, generated ahead of the first.
  await lib.RTCDtlsTransport.SetupCertificate();
  bindUdpSockets(lib);
  limitTurnStreams(lib);
  guardTurn(lib);
  endTurnAllocations(lib);
  return { create: (options, events) => new WeriftPeer(lib, options, events) };
}

class WeriftPeer implements Peer {
  private readonly pc: werift.RTCPeerConnection;
  private readonly tracks: WeriftTracks;
  private readonly knownTransports = new WeakSet<werift.RTCDtlsTransport>();
  private guarded: object | undefined;
  private isFull = (): boolean => false;
  private channel: werift.RTCDataChannel | undefined;
  private closed = false;

  constructor(
    private readonly lib: Werift,
    private readonly options: PeerOptions,
    private readonly events: PeerEvents,
  ) {
    const { iceServers, iceTransportPolicy, hostAddresses, udpPortRange } = options;
    this.tracks = new WeriftTracks(lib);
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
    for (const transport of pc.dtlsTransports) {
      if (this.knownTransports.has(transport)) continue;
      prepareTransport(this.lib, transport, this.options, this.events, this.tracks);
      this.knownTransports.add(transport);
    }
    this.guard(pc.sctpTransport);
    this.tracks.assign(pc);
    const { sdp: answer } = await pc.createAnswer();
    // Passive DTLS role: the client starts the handshake. In the active role werift waits 100 ms first.
    const passive = sdp.includes('a=setup:passive')
      ? answer
      : answer.replaceAll('a=setup:active', 'a=setup:passive');
    await pc.setLocalDescription({ type: 'answer', sdp: passive });
    this.resumeIce();
    return { sdp: withCandidates(pc.localDescription!.sdp), tracks: this.tracks.negotiated() };
  }

  addCandidate({ candidate, mid }: RemoteCandidate): void {
    // The line was validated before; a candidate that is too late is ignored.
    this.pc.addIceCandidate({ candidate, sdpMid: mid }).catch(() => undefined);
  }

  send(text: string): boolean {
    const { channel } = this;
    if (channel?.readyState !== 'open') return false;
    if (channel.bufferedAmount > MAX_BUFFERED || this.isFull()) {
      this.events.failed(NOT_TAKEN);
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

  sendRtp(name: TrackName, packet: OutgoingRtp): void {
    this.tracks.sendRtp(name, packet);
  }

  requestKeyframe(name: TrackName): void {
    const { receiver } = this.tracks.get(name) ?? {};
    const ssrc = receiver?.track.ssrc;
    if (ssrc !== undefined) void receiver!.sendRtcpPLI(ssrc).catch(() => undefined);
  }

  async stats(): Promise<PeerStats> {
    const report = await this.tracks.get('microphone')?.sender.getStats();
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
    this.isFull = guardSctp(sctp, (message) => this.events.failed(message));
    this.guarded = sctp.sctp;
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
