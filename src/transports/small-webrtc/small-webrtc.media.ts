import { MediaUnavailableError } from '../../bot/session-end.js';
import { mediaConnections } from '../media-connections.js';
import { SmallWebRTCRunnerArguments } from './dto/small-webrtc-runner-arguments.dto.js';
import { SmallWebRTCConnection } from './small-webrtc-connection.js';
import { loadOpus } from './webrtc-packages.js';
import { WebRtcMediaConnection } from './webrtc-media-connection.js';

mediaConnections.register(
  SmallWebRTCRunnerArguments,
  async ({ webrtc_connection: connection }, { sampleRateHz }, { hangUp }) => {
    if (!(connection instanceof SmallWebRTCConnection)) {
      throw new MediaUnavailableError(
        'webrtc_connection is no SmallWebRTCConnection of this process: there are no media to be had from it.',
      );
    }
    const opus = await loadOpus();
    if (!opus) {
      throw new MediaUnavailableError('Sound needs libopus-wasm: npm install libopus-wasm');
    }
    return WebRtcMediaConnection.create(opus, connection, sampleRateHz, hangUp);
  },
);
