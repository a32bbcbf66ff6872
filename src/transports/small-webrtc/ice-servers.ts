import { Inject, Injectable } from '@nestjs/common';
import { RunnerError } from '../../errors/runner.error.js';
import type { IceServer } from './peer/peer.js';
import {
  checkIceServers,
  type ResolvedSmallWebRtcOptions,
  SMALL_WEBRTC_OPTIONS,
} from './small-webrtc.options.js';

/** STUN and TURN servers of this instance. */
@Injectable()
export class IceServers {
  constructor(@Inject(SMALL_WEBRTC_OPTIONS) private readonly options: ResolvedSmallWebRtcOptions) {}

  /** @throws {RunnerError} `PROVIDER_REFUSED` when the host's function fails or returns an invalid server */
  async get(): Promise<IceServer[]> {
    const { iceServers } = this.options;
    if (typeof iceServers !== 'function') return iceServers;
    const given = await Promise.resolve()
      .then(iceServers)
      .catch((cause: unknown) => {
        throw new RunnerError('PROVIDER_REFUSED', 'There are no ICE servers to be had.', { cause });
      });
    const problem = checkIceServers(given);
    if (problem) throw new RunnerError('PROVIDER_REFUSED', `The ICE servers cannot be used.`);
    return given;
  }
}
