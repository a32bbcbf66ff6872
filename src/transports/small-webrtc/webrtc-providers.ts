import type { FactoryProvider, Provider } from '@nestjs/common';
import { BotLauncher } from '../../bot/bot-launcher.js';
import { SmallWebRTCRunnerArguments } from './dto/small-webrtc-runner-arguments.dto.js';
import { IceServers } from './ice-servers.js';
import { PEER_STACK } from './peer-stack.token.js';
import { type ResolvedSmallWebRtcOptions, SMALL_WEBRTC_OPTIONS } from './small-webrtc.options.js';
import { WebRtcConnections } from './webrtc-connections.js';
import './small-webrtc.media.js';
import { loadPeerStack } from './webrtc-packages.js';

/** Providers of WebRTC connections. @param options provides the options */
export const webRtcProviders = (
  options: Pick<FactoryProvider<ResolvedSmallWebRtcOptions>, 'useFactory' | 'inject'>,
): Provider[] => [
  WebRtcConnections,
  IceServers,
  {
    provide: PEER_STACK,
    useFactory: async ({ stack }: ResolvedSmallWebRtcOptions, launcher: BotLauncher) =>
      launcher.holdsPeers?.(SmallWebRTCRunnerArguments) ? undefined : (stack ?? loadPeerStack()),
    inject: [SMALL_WEBRTC_OPTIONS, BotLauncher],
  },
  { provide: SMALL_WEBRTC_OPTIONS, ...options },
];
