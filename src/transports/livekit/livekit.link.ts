import { MediaUnavailableError } from '../../media/media-unavailable.error.js';
import { hangUpOf } from '../hang-up-link.js';
import type { LinkFactory } from '../link-factory.js';
import { optionalPackage } from '../../packages/optional-package.js';
import { LiveKitRunnerArguments } from './dto/livekit-runner-arguments.dto.js';
import { LiveKitRoomLink } from './livekit-room-link.js';

/** The media of a LiveKit room, through LiveKit's own SDK for Node, an optional peer dependency. */
export const liveKitLink: LinkFactory = async (args, { sampleRateHz, signal }) => {
  if (!(args instanceof LiveKitRunnerArguments)) return undefined;
  const rtc = await optionalPackage('@livekit/rtc-node', () => import('@livekit/rtc-node'));
  if (!rtc) {
    throw new MediaUnavailableError(
      'Joining a LiveKit room needs @livekit/rtc-node: npm install @livekit/rtc-node',
    );
  }
  return LiveKitRoomLink.join(rtc, args, {
    // Opus itself is at 48 kHz, whatever was spoken into it.
    sampleRateHz: typeof sampleRateHz === 'number' ? sampleRateHz : 48_000,
    signal,
    hangUp: hangUpOf(args),
  });
};
