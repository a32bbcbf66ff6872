import { describe, expect, it } from '@jest/globals';
import { resolveSmallWebRtcOptions, type SmallWebRtcOptions } from './small-webrtc.options.js';

describe('SmallWebRtcOptions', () => {
  it('have defaults', () => {
    expect(resolveSmallWebRtcOptions({ peerTimeoutMs: undefined })).toEqual({
      iceServers: [],
      iceTransportPolicy: 'all',
      hostAddresses: [],
      connectionMode: 'multiple',
      gatheringTimeoutMs: 2_000,
      answerTimeoutMs: 30_000,
      connectTimeoutMs: 60_000,
      peerTimeoutMs: 9_000,
    });
  });

  it.each([
    [{ iceServers: 'stun:a' }, 'iceServers must be a list'],
    [{ iceServers: [{ urls: 'stun:a' }, { urls: 'x' }] }, 'iceServers [1] must have urls'],
    [{ iceTransportPolicy: 'none' }, "iceTransportPolicy must be 'all' or 'relay'"],
    [{ hostAddresses: ['example.com'] }, 'hostAddresses must be a list of IP addresses'],
    [{ udpPortRange: [2, 1] }, 'udpPortRange must be [min, max]'],
    [{ udpPortRange: [0, 70_000] }, 'udpPortRange must be [min, max]'],
    [{ connectionMode: 'many' }, "connectionMode must be 'single' or 'multiple'"],
    [{ esp32Host: 'localhost' }, 'esp32Host must be the IP address'],
    [{ esp32Host: '0.0.0.0' }, 'esp32Host must be the IP address'],
    [{ esp32Host: '::' }, 'esp32Host must be the IP address'],
    [{ gatheringTimeoutMs: 0 }, 'gatheringTimeoutMs must be'],
    [{ answerTimeoutMs: -1 }, 'answerTimeoutMs must be'],
    [{ connectTimeoutMs: 1.5 }, 'connectTimeoutMs must be'],
    [{ peerTimeoutMs: '1' }, 'peerTimeoutMs must be'],
    [{ stack: {} }, 'stack must be a PeerStack'],
    [{ iceServer: [] }, 'iceServer is not an option'],
  ])('%j is refused', (options, problem) => {
    expect(() => resolveSmallWebRtcOptions(options as SmallWebRtcOptions)).toThrow(problem);
  });
});
