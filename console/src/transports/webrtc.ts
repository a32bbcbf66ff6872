import type { RTVIEventCallbacks } from '@pipecat-ai/client-js';
import { SmallWebRTCTransport } from '@pipecat-ai/small-webrtc-transport';
import { BrowserMedia } from '../audio/browser-media.js';
import { authorization, runnerUrl } from '../runner-api.js';
import type { Line } from './line.js';
import { WebRtcStats } from './webrtc-stats.js';

/** Private parts of the transport that are needed here. */
interface Inside {
  readonly pc: RTCPeerConnection | null;
  readonly _callbacks: RTVIEventCallbacks;
  /** The bot's voice is its `microphone`. */
  readonly _incomingTracks: ReadonlyMap<string, unknown>;
  createPeerConnection(): RTCPeerConnection;
}

/** WebRTC straight to the runner. */
export function webrtc(): Line {
  const media = new BrowserMedia({
    pcm: false,
    onMicReplaced: (track) => void inside.pc?.getSenders()[0]?.replaceTrack(track),
  });
  const transport = new SmallWebRTCTransport({ mediaManager: media });
  const inside = transport as unknown as Inside;
  keepBotAudible(inside);
  const stats = new WebRtcStats(() => inside.pc);
  return {
    transport,
    connectParams: ({ sessionId, iceConfig }) => ({
      webrtcRequestParams: {
        endpoint: runnerUrl(`sessions/${sessionId}/api/offer`),
        headers: new Headers(authorization()),
      },
      // Left out, not null, where the runner has none.
      ...(iceConfig && { iceConfig }),
    }),
    stats: () => stats.read(),
    statsNote: 'From the browser’s WebRTC statistics.',
  };
}

/**
 * When a connection is replaced by another, the old one's track ends after the new one's has come, and the transport forgets
 * them both: reports the one that it does not know any more.
 */
function keepBotAudible(inside: Inside): void {
  const create = inside.createPeerConnection.bind(inside);
  inside.createPeerConnection = () => {
    const peer = create();
    peer.addEventListener('track', ({ track }) => {
      if (track.kind !== 'audio') return;
      track.addEventListener('unmute', () => {
        if (!inside._incomingTracks.has('microphone')) inside._callbacks.onTrackStarted?.(track);
      });
    });
    return peer;
  };
}
