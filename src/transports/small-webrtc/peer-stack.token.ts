/** DI token of the {@link PeerStack}; `undefined` where there is none. */
export const PEER_STACK = Symbol('PEER_STACK');
