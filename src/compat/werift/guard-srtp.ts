import type * as werift from 'werift';
import { expectMethods } from './werift-shape.js';

/** Packets by which one may come late: some seconds of sound, and one of video. RFC 3711, section 3.3.2, wants 64 or more. */
const WINDOW = 1_024;
/** The most streams (SSRCs) of a connection, in RTP and in RTCP; others are not heard. */
const MAX_STREAMS = 500;

/** RFC 3550 and 3711: headers with the SSRC, and the authentication tag after the index of SRTCP. */
const RTP_HEADER_BYTES = 12;
const RTCP_HEADER_BYTES = 8;
const INDEX_BYTES = 4;
const AES_CM_TAG_BYTES = 10;
const LARGEST_INDEX = 0x7fff_ffff;
const NUMBERS = 2 ** 16;

/** Decryption of werift's, with untyped internals. */
interface RtpContext {
  updateRolloverCount(sequenceNumber: number, state: State): void;
}
interface State {
  readonly ssrc: number;
  rolloverCounter: number;
}

type Lib = Pick<typeof werift, 'SrtpAuthenticationError' | 'ProtectionProfileAes128CmHmacSha1_80'>;
/** DTLS transport of werift's, with its sessions once they are there. */
type Transport = Pick<werift.RTCDtlsTransport, 'startSrtp' | 'srtp' | 'srtcp'>;

/**
 * Drops SRTP and SRTCP that came before, which werift (seen in 0.24.4) takes: whoever recorded the datagrams of a client could have it say everything
 * again. The number of a packet is found as in RFC 3711, appendix A: werift hears nothing any more of a client that loses more than 100 packets where
 * the sequence numbers begin again.
 * @throws {Error} when werift's internals differ
 */
export function guardSrtp(lib: Lib, transport: Transport): void {
  expectMethods('DTLS transport', transport, ['startSrtp']);
  const startSrtp = transport.startSrtp.bind(transport);
  transport.startSrtp = () => {
    startSrtp();
    guardRtp(lib, transport.srtp);
    guardRtcp(lib, transport.srtcp);
  };
}

function guardRtp({ SrtpAuthenticationError }: Lib, session: werift.SrtpSession): void {
  expectMethods('SRTP session', session, ['decrypt']);
  const context = session.remoteContext as unknown as RtpContext;
  expectMethods('SRTP context', context, ['updateRolloverCount']);
  const arrivals = new Arrivals();
  context.updateRolloverCount = (sequenceNumber, state) => {
    const index = indexOf(sequenceNumber, arrivals.latest(state.ssrc));
    state.rolloverCounter = Math.floor(index / NUMBERS);
  };
  const decrypt = session.decrypt.bind(session);
  session.decrypt = (data) => {
    if (data.length < RTP_HEADER_BYTES) return decrypt(data);
    const ssrc = data.readUInt32BE(8);
    const index = indexOf(data.readUInt16BE(2), arrivals.latest(ssrc));
    if (!arrivals.isNew(ssrc, index)) throw new SrtpAuthenticationError(REPEATED);
    const packet = decrypt(data);
    arrivals.add(ssrc, index);
    return packet;
  };
}

function guardRtcp(lib: Lib, session: werift.SrtcpSession): void {
  expectMethods('SRTCP session', session, ['decrypt']);
  const isAesCm = session.config.profile === lib.ProtectionProfileAes128CmHmacSha1_80;
  const indexAt = -INDEX_BYTES - (isAesCm ? AES_CM_TAG_BYTES : 0);
  const arrivals = new Arrivals();
  const decrypt = session.decrypt.bind(session);
  session.decrypt = (data) => {
    if (data.length < RTCP_HEADER_BYTES - indexAt) return decrypt(data);
    const ssrc = data.readUInt32BE(4);
    const index = data.readUInt32BE(data.length + indexAt) & LARGEST_INDEX;
    if (!arrivals.isNew(ssrc, index)) throw new lib.SrtpAuthenticationError(REPEATED);
    const packet = decrypt(data);
    arrivals.add(ssrc, index);
    return packet;
  };
}

const REPEATED = 'The packet came before, or is too late.';

/** Returns the index nearest to the latest one. @param latest `undefined` for the first packet of a stream */
function indexOf(sequenceNumber: number, latest = sequenceNumber): number {
  const index = latest - (latest % NUMBERS) + sequenceNumber;
  if (index - latest > NUMBERS / 2 && index >= NUMBERS) return index - NUMBERS;
  return latest - index > NUMBERS / 2 ? index + NUMBERS : index;
}

/** The latest packets of each stream. */
class Arrivals {
  private readonly streams = new Map<number, { latest: number; readonly window: Uint8Array }>();

  latest(ssrc: number): number | undefined {
    return this.streams.get(ssrc)?.latest;
  }

  /** False for a packet that came before, is older than the window, or of a stream too many. */
  isNew(ssrc: number, index: number): boolean {
    const stream = this.streams.get(ssrc);
    if (!stream) return this.streams.size < MAX_STREAMS;
    const { latest, window } = stream;
    return index > latest || (latest - index < WINDOW && window[index % WINDOW] === 0);
  }

  /** Notes an authentic packet. */
  add(ssrc: number, index: number): void {
    let stream = this.streams.get(ssrc);
    if (!stream) {
      stream = { latest: index, window: new Uint8Array(WINDOW) };
      this.streams.set(ssrc, stream);
    }
    const { latest, window } = stream;
    if (index - latest >= WINDOW) window.fill(0);
    else for (let missing = latest + 1; missing < index; missing++) window[missing % WINDOW] = 0;
    window[index % WINDOW] = 1;
    stream.latest = Math.max(latest, index);
  }
}
