import type * as sdk from 'livekit-server-sdk';

/** DI token of the {@link LiveKitSdk}; `undefined` where the package is not installed. */
export const LIVEKIT_SDK = Symbol('LIVEKIT_SDK');

/** LiveKit's own server SDK, an optional peer dependency. */
export type LiveKitSdk = typeof sdk;

/** The SDK, if it is installed. */
export async function loadLiveKitSdk(): Promise<LiveKitSdk | undefined> {
  try {
    return await import('livekit-server-sdk');
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ERR_MODULE_NOT_FOUND') return undefined;
    throw error;
  }
}
