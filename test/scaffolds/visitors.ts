import {
  AudioFrame,
  AudioSource,
  AudioStream,
  LocalAudioTrack,
  type RemoteTrack,
  Room,
  RoomEvent,
  TrackPublishOptions,
  TrackSource,
} from '@livekit/rtc-node';
import type { WebSocket } from 'ws';
import { OPUS_OUTPUT_HZ } from '../../src/media/codecs/opus.js';
import { RTVI_LABEL } from '../../src/media/serializers/json-message.js';
import { RTVI_VERSION } from '../../src/rtvi/rtvi-messages.js';
import { type CarrierName, connectClient, placeCall } from '../../src/testing/index.js';
import { post } from '../support/runner-app.js';
import { atRate } from '../support/sound.js';
import { HEARD_HZ, WebRtcClient } from '../support/webrtc-client.js';

/** Someone who talks with a bot. */
export interface Visitor {
  readonly sessionId: string;
  /** Sound of the bot so far. */
  readonly heard: () => { readonly pcm: Int16Array; readonly rateHz: number };
  /** Says something, at the pace of speech. @param pcm at 8 kHz */
  readonly speak: (pcm: Int16Array) => Promise<void>;
  readonly leave: () => Promise<unknown>;
  /** Is gone without a word: its process is killed, or only its network. Nobody vanishes from a room of LiveKit. */
  readonly vanish?: () => unknown;
  /** Its WebSocket, where it has one. */
  readonly socket?: WebSocket;
}

/** The way to a bot: a client, a carrier, or a room that only the bot's part of can be seen here. */
export type Way =
  | 'websocket'
  | 'webrtc'
  | 'livekit'
  | 'twilio'
  | 'telnyx'
  | 'plivo'
  | 'exotel'
  | 'vonage'
  | 'genesys'
  | keyof typeof ROOMS;

const VERSION = { version: RTVI_VERSION, about: { library: 'test' } };
const clientReady = { label: RTVI_LABEL, type: 'client-ready', id: 'ready', data: VERSION };

async function start(url: string, body: object): Promise<Record<string, unknown>> {
  const { status, json, sessionId } = await post(`${url}/start`, body);
  if (status !== 200) throw new Error(`/start answers ${status} ${JSON.stringify(json)}`);
  return { sessionId, ...json };
}

/** Pipecat's own runner says `wss:` whatever it serves, unless it listens on localhost. */
const plain = (wsUrl: unknown): string => String(wsUrl).replace(/^wss:/, 'ws:');

async function overWebSocket(url: string, body: unknown): Promise<Visitor> {
  const { wsUrl, sessionId } = await start(url, { transport: 'websocket', body });
  const client = await connectClient(plain(wsUrl));
  client.send('client-ready', VERSION);
  return {
    sessionId: String(sessionId),
    heard: () => ({ pcm: client.audio, rateHz: 24_000 }),
    speak: (pcm) => client.speak(atRate(pcm, 8_000, 16_000)),
    leave: () => client.leave(),
    vanish: () => client.socket.terminate(),
    socket: client.socket,
  };
}

async function overWebRtc(url: string, body: unknown): Promise<Visitor> {
  const { sessionId } = await start(url, { transport: 'webrtc', body });
  const offerUrl = `${url}/sessions/${String(sessionId)}/api/offer`;
  const client = await WebRtcClient.connect({ offerUrl });
  client.ping();
  client.send(clientReady);
  return {
    sessionId: String(sessionId),
    heard: () => ({ pcm: client.heard, rateHz: HEARD_HZ }),
    speak: (pcm) => client.speak(atRate(pcm, 8_000, OPUS_OUTPUT_HZ)),
    leave: () => client.leave(),
    vanish: () => client.vanish(),
  };
}

async function inLiveKit(url: string, body: unknown): Promise<Visitor> {
  const answer = await start(url, { transport: 'livekit', body });
  const room = new Room();
  const heard: number[] = [];
  const listen = async (track: RemoteTrack): Promise<void> => {
    for await (const { data } of new AudioStream(track, 16_000, 1)) heard.push(...data);
  };
  room.on(RoomEvent.TrackSubscribed, (track) => void listen(track));
  await room.connect(String(answer.url), String(answer.token), {
    autoSubscribe: true,
    dynacast: false,
  });
  const source = new AudioSource(8_000, 1);
  await room.localParticipant!.publishTrack(
    LocalAudioTrack.createAudioTrack('microphone', source),
    new TrackPublishOptions({ source: TrackSource.SOURCE_MICROPHONE }),
  );
  // The bot may come later, and misses what was said before.
  while (room.remoteParticipants.size === 0) await new Promise((r) => setTimeout(r, 50));
  const data = new TextEncoder().encode(JSON.stringify(clientReady));
  await room.localParticipant!.publishData(data, { reliable: true });
  return {
    sessionId: String(answer.sessionId),
    heard: () => ({ pcm: Int16Array.from(heard), rateHz: 16_000 }),
    speak: async (pcm) => {
      for (let i = 0; i + 160 <= pcm.length; i += 160) {
        await source.captureFrame(new AudioFrame(pcm.slice(i, i + 160), 8_000, 1, 160));
      }
    },
    leave: () => Promise.all([room.disconnect(), source.close()]),
  };
}

async function onThePhone(url: string, carrier: CarrierName, body: unknown): Promise<Visitor> {
  const { wsUrl, sessionId } = await start(url, { transport: carrier, body });
  const call = await placeCall({ carrier, url: plain(wsUrl), from: '+15550001' });
  return {
    sessionId: String(sessionId),
    heard: () => ({ pcm: call.audio, rateHz: 8_000 }),
    speak: (pcm) => call.speak(pcm),
    leave: () => call.hangUp(),
    vanish: () => call.socket.terminate(),
    socket: call.socket,
  };
}

const ROOM = { room_url: 'https://example.daily.co/given', token: 'given' };
const given = (url: string, more: object): Promise<unknown> =>
  // The request of the `server.py` of these projects.
  start(url, { createDailyRoom: false, body: { ...ROOM, ...more } });

/** Rooms of Daily: there is no Daily here, so that the bot's joining is all that can be seen. */
export const ROOMS = {
  daily: (url: string) => start(url, { transport: 'daily', createDailyRoom: true }),
  'daily dial-in': async (url: string) => {
    const call = { From: '+15550001', To: '+15550002', callId: 'call', callDomain: 'domain' };
    const { status } = await post(`${url}/daily-dialin-webhook`, call);
    if (status !== 200) throw new Error(`the webhook answers ${status}`);
  },
  'daily dial-out': (url: string) =>
    given(url, { dialout_settings: { phone_number: '+15550003' } }),
  'twilio sip dial-in': (url: string) =>
    given(url, { call_sid: 'CA1', sip_uri: 'sip:room@example.sip.daily.co' }),
  'twilio sip dial-out': (url: string) =>
    given(url, { dialout_settings: { sip_uri: 'sip:room@example.sip.twilio.com' } }),
} as const;

export const isRoom = (way: Way): way is keyof typeof ROOMS => way in ROOMS;

/** Visits a bot. @param body its `body` @throws what its runner refuses */
export function visit(
  url: string,
  way: Exclude<Way, keyof typeof ROOMS>,
  body?: unknown,
): Promise<Visitor> {
  switch (way) {
    case 'websocket':
      return overWebSocket(url, body);
    case 'webrtc':
      return overWebRtc(url, body);
    case 'livekit':
      return inLiveKit(url, body);
    default:
      return onThePhone(url, way, body);
  }
}
