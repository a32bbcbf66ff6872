import type { Opus } from '../../media/codecs/opus.js';
import { optionalPackage } from '../../packages.js';
import type { PeerStack } from './peer/peer.js';
import { weriftStack } from './peer/werift-peer.js';

/** Loads the Opus codec, if it is installed. */
export const loadOpus = (): Promise<Opus | undefined> =>
  optionalPackage('libopus-wasm', () => import('libopus-wasm'));

/** Loads the default WebRTC implementation, if it and the codec are installed. */
export async function loadPeerStack(): Promise<PeerStack | undefined> {
  const werift = await optionalPackage('werift', () => import('werift'));
  return werift && (await loadOpus()) && weriftStack(werift);
}
