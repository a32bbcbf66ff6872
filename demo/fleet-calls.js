// Callers of the fleet's demo: each one announces a call, connects, and asks again and again if the bot is there.
import { randomUUID } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import nodeDataChannel from 'node-datachannel';
import { connectClient, placeCall } from '../dist/testing/index.js';

const PATIENCE_MS = 3_000;
/** A tenth of a second of the phone's sound. */
const SOUND = new Int16Array(800).fill(9_000);

const post = (url, body) =>
  fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(10_000),
  });

/** Announces a call. @param transport websocket, twilio or webrtc, whose offer needs no announcement */
export async function announce(balancer, transport) {
  if (transport === 'webrtc') return { transport };
  const answer = await post(`${balancer.url}/start`, { transport });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`POST /start: ${answer.status} ${text}`);
  const { wsUrl, token } = JSON.parse(text);
  const sessionId = answer.headers.get('x-session-id');
  const openedOn = answer.headers.get('x-served-by');
  return { transport, sessionId, wsUrl, token, openedOn };
}

/** Connects an announced call. @returns it, with `servedOn`, `talk()` which rejects when the bot does not answer, and `leave()` */
export async function connect(balancer, call) {
  const connection = await CONNECT[call.transport](balancer, call);
  await connection.talk();
  return { ...call, ...connection };
}

/** Ids of the sessions over WebRTC that go on. The callers come one after the other, so that a new one is the caller's. */
async function webRtcSessions({ url }) {
  const { sessions } = await (await fetch(`${url}/sessions`)).json();
  return sessions.filter(({ transport }) => transport === 'webrtc').map((one) => one.sessionId);
}

const CONNECT = {
  async websocket(balancer, { wsUrl, token }) {
    const client = await connectClient(wsUrl, { token });
    await within(client.ready());
    const talk = () => within(client.request('ping', randomUUID()));
    const { pathname, search } = new URL(client.socket.url);
    const servedOn = balancer.served.get(`GET ${pathname}${search}`);
    return { servedOn, talk, leave: () => client.leave() };
  },

  async twilio(balancer, { wsUrl, token }) {
    const path = `${new URL(wsUrl).pathname}/${token}`;
    const url = new URL(path, wsUrl).href;
    const call = await placeCall({ carrier: 'twilio', url });
    const talk = async () => {
      const heard = call.audioBytes.length;
      await call.speak(SOUND);
      await within(call.heard(heard + SOUND.length));
      if (call.audioBytes.length < heard + SOUND.length) throw new Error('the call has ended');
    };
    const servedOn = balancer.served.get(`GET ${path}`);
    return { servedOn, talk, leave: () => call.hangUp() };
  },

  async webrtc(balancer) {
    const peer = new nodeDataChannel.PeerConnection('caller', { iceServers: [] });
    const gathered = new Promise((resolve) =>
      peer.onGatheringStateChange((state) => state === 'complete' && resolve()),
    );
    const channel = peer.createDataChannel('chat');
    const opened = new Promise((resolve) => channel.onOpen(resolve));
    const answers = new EventEmitter();
    channel.onMessage((text) => {
      const { id } = JSON.parse(text);
      if (id) answers.emit(id);
    });
    const closed = new Promise((resolve) => channel.onClosed(() => resolve('closed')));
    peer.setLocalDescription();
    await gathered;
    const { sdp } = peer.localDescription();
    const before = await webRtcSessions(balancer);
    const answer = await post(`${balancer.url}/api/offer`, { sdp, type: 'offer' });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`offer: ${answer.status} ${text}`);
    peer.setRemoteDescription(JSON.parse(text).sdp, 'answer');
    await within(opened);
    const talk = async () => {
      const id = randomUUID();
      const answered = once(answers, id);
      channel.sendMessage(
        JSON.stringify({ label: 'rtvi-ai', type: 'client-message', id, data: { t: 'ping' } }),
      );
      await within(answered);
    };
    const leave = async () => {
      channel.close();
      await within(closed).catch(() => undefined);
      peer.close();
    };
    const servedOn = answer.headers.get('x-served-by');
    const [sessionId] = (await webRtcSessions(balancer)).filter((one) => !before.includes(one));
    return { openedOn: servedOn, servedOn, sessionId, talk, leave };
  },
};

async function within(promise, ms = PATIENCE_MS) {
  const over = new AbortController();
  const late = new Promise((_, reject) => {
    const timer = setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms);
    over.signal.addEventListener('abort', () => clearTimeout(timer));
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    over.abort();
  }
}
