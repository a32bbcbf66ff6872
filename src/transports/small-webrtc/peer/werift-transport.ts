import type * as werift from 'werift';
import { guardDtls, limitFingerprints } from '../../../compat/werift/guard-dtls.js';
import { guardIce } from '../../../compat/werift/guard-ice.js';
import { guardRtcp } from '../../../compat/werift/guard-rtcp.js';
import { guardSrtp } from '../../../compat/werift/guard-srtp.js';
import type { PeerEvents, PeerOptions } from './peer.js';
import type { WeriftTracks } from './werift-tracks.js';
import { within } from './within.js';

/** The most datagrams buffered before the DTLS transport exists. */
const MAX_EARLY = 20;
/** The most unknown RTP streams (SSRCs) of a client. */
const MAX_STRAY_STREAMS = 100;
/** Tells DTLS from STUN and RTP by the first byte of a datagram (RFC 7983). */
const isDtls = (data: Buffer): boolean => data[0]! >= 20 && data[0]! < 64;

/** Prepares a new transport before it gathers candidates or receives datagrams. */
export function prepareTransport(
  lib: typeof werift,
  transport: werift.RTCDtlsTransport,
  { iceServers, iceTransportPolicy, gatheringTimeoutMs }: PeerOptions,
  events: PeerEvents,
  tracks: WeriftTracks,
): void {
  const { connection } = transport.iceTransport;
  guardIce(lib, connection);
  limitFingerprints(transport);
  guardSrtp(lib, transport);
  guardRtcp(transport);
  // Without a STUN server werift uses Google's.
  const urls = iceServers.flatMap((server) => server.urls);
  if (!urls.some((url) => /^stuns?:/i.test(url))) {
    connection.stunServer = undefined;
  }
  const gather = connection.gatherCandidates.bind(connection);
  const { turnServer, options } = connection;
  const hasTurn = turnServer && options.turnUsername && options.turnPassword;
  connection.gatherCandidates = async () => {
    // Without a TURN server that it can use, werift gathers host candidates for the policy `relay`, too.
    if (iceTransportPolicy === 'relay' && !hasTurn) return;
    if (!(await within(gatheringTimeoutMs, gather()))) events.gatheringTimedOut();
  };
  receiveDtls(transport, () => events.failed('The peer connection cannot be protected.'));
  receiveRtp(transport, events, tracks);
  // werift itself routes RTCP of a client that also sends to its receiver only.
  transport.onRtcp.subscribe((packet) => {
    const { RtcpPayloadSpecificFeedback, PictureLossIndication } = lib;
    if (!(packet instanceof RtcpPayloadSpecificFeedback)) return;
    const { feedback } = packet;
    if (!(feedback instanceof PictureLossIndication)) return;
    const name = tracks.sendingAs(feedback.mediaSsrc);
    if (name) events.keyframeRequested(name);
  });
}

function receiveRtp(
  transport: werift.RTCDtlsTransport,
  events: PeerEvents,
  tracks: WeriftTracks,
): void {
  const stray = new Set<number>();
  transport.onRtp.subscribe(({ header, payload }) => {
    const name = tracks.trackOf(header);
    if (!name) {
      // werift keeps state for each SSRC.
      if (stray.add(header.ssrc).size > MAX_STRAY_STREAMS) {
        events.failed('The client sends too many RTP streams.');
      }
      return;
    }
    const { ssrc, payloadType, sequenceNumber, timestamp, marker } = header;
    events.rtp(name, { ssrc, payloadType, sequenceNumber, timestamp, marker, payload });
  });
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
