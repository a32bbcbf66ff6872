/** DI token of the {@link PeerStack}; `undefined` where none is installed. */
export const PEER_STACK = Symbol('PEER_STACK');
