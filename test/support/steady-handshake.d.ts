import type { RTCPeerConnection } from 'werift';

export function steadyHandshake(pc: RTCPeerConnection): void;
