// A call that goes on while others send what they like, in a process of its own: a Twilio media stream whose bot says each sample with the
// other sign. Its sound changes with every sample, so that nothing can be missing, come twice or be another's. Usage: witness.js <url>, with
// an IPC channel.
import { once } from 'node:events';
import { randomUUID } from 'node:crypto';
import { WebSocket } from 'ws';

const FRAME_MS = 20;
const FRAME_BYTES = 160;
/** No sample of this sound is silence, which the runner may put in where nothing is to be said. */
const SILENCE = 0xff;
/** Bit of the sign in µ-law. */
const SIGN = 0x80;

const url = process.argv[2];
const ids = { streamSid: `MZ${randomUUID()}`, callSid: `CA${randomUUID()}` };
const answer = await fetch(`${url}/start`, {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ transport: 'twilio' }),
}).then((response) => response.json());
const socket = new WebSocket(`${url.replace('http', 'ws')}/ws/${answer.token ?? answer.sessionId}`);
await once(socket, 'open');
const send = (message) => socket.send(JSON.stringify(message));
send({ event: 'connected', protocol: 'Call', version: '1.0.0' });
send({
  event: 'start',
  streamSid: ids.streamSid,
  start: { ...ids, customParameters: { bot: 'negative' } },
});

/** Byte of the sound at a position: from a multiplicative hash, without silence of either sign. */
const soundAt = (position) => {
  const byte = Math.imul(position + 1, 2654435761) >>> 24;
  return (byte & ~SIGN) === (SILENCE & ~SIGN) ? byte - 1 : byte;
};

/** Frames that may be on their way. What an underrun delays stays late, since it is played in real time: a busy machine must not fill the queue. */
const MAX_AHEAD = 50;

const heardFrames = () => Math.floor(heard / FRAME_BYTES);
let dueMs = performance.now();
let frames = 0;
let heard = 0;
let heardAtMs = dueMs;
let longestGapMs = 0;
let problem;
const fail = (text) => (problem ??= text);

setInterval(() => {
  for (; dueMs <= performance.now(); dueMs += FRAME_MS) {
    if (frames - heardFrames() < MAX_AHEAD) speak();
  }
}, FRAME_MS / 2);

function speak() {
  const sound = Uint8Array.from({ length: FRAME_BYTES }, (_, i) =>
    soundAt(frames * FRAME_BYTES + i),
  );
  const payload = Buffer.from(sound).toString('base64');
  const media = { track: 'inbound', timestamp: String(frames * FRAME_MS), payload };
  send({ event: 'media', streamSid: ids.streamSid, media });
  frames++;
}

const noteGap = () => (longestGapMs = Math.max(longestGapMs, performance.now() - heardAtMs));

socket.on('message', (data) => {
  const { event, media } = JSON.parse(data);
  if (event !== 'media') return fail(`the bot sent ${event}`);
  for (const byte of Buffer.from(media.payload, 'base64')) {
    if (byte === SILENCE) continue;
    if (byte !== (soundAt(heard) ^ SIGN))
      return fail(`sample ${heard} is not the one that was due`);
    heard++;
  }
  noteGap();
  heardAtMs = performance.now();
});
socket.on('close', (code, reason) => fail(`the call ended: ${code} ${reason}`));

process.on('message', ({ id }) => {
  noteGap();
  process.send({ id, answer: { problem, gapMs: longestGapMs, frames: heardFrames() } });
  longestGapMs = 0;
});
process.on('disconnect', () => process.exit());
process.send({ port: 0 });
