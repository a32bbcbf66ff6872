import type * as sdk from 'livekit-server-sdk';
import { optionalPackage } from '../../packages.js';

/** DI token of the {@link LiveKitSdk}; `undefined` where the package is not installed. */
export const LIVEKIT_SDK = Symbol('LIVEKIT_SDK');

/** LiveKit's server SDK, an optional peer dependency. */
export type LiveKitSdk = typeof sdk;

/** Loads the SDK, if it is installed. */
export const loadLiveKitSdk = (): Promise<LiveKitSdk | undefined> =>
  optionalPackage('livekit-server-sdk', () => import('livekit-server-sdk'));
