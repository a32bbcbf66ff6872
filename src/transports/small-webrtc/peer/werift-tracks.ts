import { randomInt } from 'node:crypto';
import type * as werift from 'werift';
import type { OutgoingRtp } from '../../../media/rtp/rtp-packet.js';
import { type NegotiatedTrack, TRACK_NAMES, type TrackName } from './peer.js';

/** A track: its transceiver and the state of its outgoing RTP stream. */
interface Track {
  readonly name: TrackName;
  readonly transceiver: werift.RTCRtpTransceiver;
  readonly firstTimestamp: number;
  sequenceNumber: number;
  /** SSRC of the client's stream, once known. */
  ssrc: number | undefined;
}

/** The tracks of a peer connection of werift's. */
export class WeriftTracks {
  private readonly tracks = new Map<TrackName, Track>();

  constructor(private readonly lib: typeof werift) {}

  get(name: TrackName): werift.RTCRtpTransceiver | undefined {
    return this.tracks.get(name)?.transceiver;
  }

  /** Sends a packet of the bot's. */
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

  /** Assigns transceivers to tracks, by the order of each kind. */
  assign(pc: werift.RTCPeerConnection): void {
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

  /** Returns the negotiated directions. */
  negotiated(): NegotiatedTrack[] {
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
  trackOf({ ssrc, payloadType }: werift.RtpHeader): TrackName | undefined {
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

  /** Finds the track on which the bot sends with an SSRC. */
  sendingAs(ssrc: number): TrackName | undefined {
    return [...this.tracks.values()].find(({ transceiver }) => transceiver.sender.ssrc === ssrc)
      ?.name;
  }
}

function codecOf({ codecs }: werift.RTCRtpTransceiver): NegotiatedTrack['codec'] {
  const name = codecs[0]!.name.toUpperCase();
  return name === 'VP8' || name === 'H264' ? name : 'opus';
}
