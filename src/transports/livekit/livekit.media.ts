import { releaseWithLastRunner } from '../../bot/native-runtimes.js';
import { MediaUnavailableError } from '../../bot/session-end.js';
import { disposeRtc } from '../../compat/rtc-node.js';
import { optionalPackage } from '../../packages.js';
import { mediaConnections } from '../media-connections.js';
import { LiveKitRunnerArguments } from './dto/livekit-runner-arguments.dto.js';
import { LiveKitMediaConnection } from './livekit-media-connection.js';

// Uses LiveKit's real-time SDK for Node, an optional peer dependency. A file of its own, so that the declarations of ./bot do not name the SDK.
mediaConnections.register(
  LiveKitRunnerArguments,
  async (args, { sampleRateHz, signal }, { hangUp }) => {
    const rtc = await optionalPackage('@livekit/rtc-node', () => import('@livekit/rtc-node'));
    if (!rtc) {
      throw new MediaUnavailableError(
        'Joining a LiveKit room needs @livekit/rtc-node: npm install @livekit/rtc-node',
      );
    }
    // Its first room keeps the process alive from then on.
    releaseWithLastRunner('@livekit/rtc-node', () => disposeRtc(rtc));
    return LiveKitMediaConnection.join(rtc, args, {
      // Opus always decodes to 48 kHz.
      sampleRateHz: typeof sampleRateHz === 'number' ? sampleRateHz : 48_000,
      signal,
      hangUp,
    });
  },
);
