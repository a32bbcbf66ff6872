import type { Line } from './line.js';

/** A transport that can be chosen. */
export interface ConsoleTransport {
  readonly label: string;
  /** Fields of `POST /start` beside the transport's name. */
  readonly startWith?: Readonly<Record<string, unknown>>;
  /** Fetches its code, which nobody needs before it is chosen. */
  load(): Promise<Line>;
}

/** Transports of this page, by their names in `GET /status`. */
export const TRANSPORTS: Readonly<Record<string, ConsoleTransport>> = {
  webrtc: {
    label: 'SmallWebRTC',
    load: async () => (await import('./webrtc.js')).webrtc(),
  },
  websocket: {
    label: 'WebSocket',
    load: async () => (await import('./websocket.js')).websocket(),
  },
  livekit: {
    label: 'LiveKit',
    load: async () => (await import('./livekit.js')).livekit(),
  },
  daily: {
    label: 'Daily',
    startWith: { createDailyRoom: true },
    load: async () => (await import('./daily.js')).daily(),
  },
};
