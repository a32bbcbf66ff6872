// Cost of media: one frame of a phone call, and many concurrent calls. Used by index.js.
import { fork } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';

/** Runs `media-frame.js` in a separate process without garbage collection. */
export async function frames() {
  const child = fork(new URL('media-frame.js', import.meta.url), {
    execArgv: ['--expose-gc', '--min-semi-space-size=512', '--max-semi-space-size=512'],
  });
  const [rows] = await once(child, 'message');
  child.disconnect();
  return rows;
}

const FRAME_MS = 20;
const SECONDS = 5;
/** Largest added p99 latency of a good call, in milliseconds. */
const LIMIT_MS = 20;

/** Increases the number of paced calls until ours exceed the limit. Each server is one process on one core. */
export async function calls(ours, baseline, ask) {
  const rows = {};
  let most = 0;
  for (let count = 100; count <= 1_000; count += 100) {
    const bare = await load(baseline, '/', count, ask);
    const runner = await load(ours, '/ws', count, ask);
    rows[`${count} calls`] = {
      'p50 ms': `${runner.p50.toFixed(1)} / ${bare.p50.toFixed(1)}`,
      'p99 ms': `${runner.p99.toFixed(1)} / ${bare.p99.toFixed(1)}`,
      'frames lost': runner.lost,
      'CPU of one core': `${percent(runner.cpu)} / ${percent(bare.cpu)}`,
      'CPU a call': `${percent(runner.cpu / count)} (${(runner.cpu / bare.cpu).toFixed(1)}× bare ws)`,
      'RSS a call': `${(runner.rssBytes / count / 1_024).toFixed(0)} KB`,
    };
    if (runner.p99 - bare.p99 > LIMIT_MS || runner.lost > 0) break;
    most = count;
  }
  rows[`most with p99 ≤ ${LIMIT_MS} ms added`] = { 'p50 ms': `${most} calls (aim: 400)` };
  return rows;
}

const percent = (share) => `${(share * 100).toFixed(2)} %`;

/** @returns cost and latency of `count` concurrent calls */
export async function load({ name, port }, path, count, ask) {
  const before = await ask(name, 'usage');
  const sockets = await Promise.all(
    Array.from({ length: count }, () => new Caller().call(port, path)),
  );
  // Warm-up: one-time allocations and compilation do not count.
  await pace(sockets, 1);
  for (const caller of sockets) caller.reset();
  const start = await ask(name, 'usage');
  const startedAt = performance.now();
  await pace(sockets, SECONDS);
  const seconds = (performance.now() - startedAt) / 1_000;
  const end = await ask(name, 'usage');
  const delays = sockets.flatMap((caller) => caller.delaysMs).sort((a, b) => a - b);
  const lost = sockets.reduce((sum, caller) => sum + caller.missing, 0);
  await Promise.all(sockets.map((caller) => caller.hangUp()));
  return {
    p50: delays[Math.floor(delays.length * 0.5)],
    p99: delays[Math.floor(delays.length * 0.99)],
    lost,
    cpu: (end.cpuUs - start.cpuUs) / 1e6 / seconds,
    rssBytes: Math.max(0, end.rssBytes - before.rssBytes),
  };
}

/** Sends a frame of each caller every 20 ms, spread evenly over the callers. */
async function pace(callers, seconds) {
  const frames = (seconds * 1_000) / FRAME_MS;
  const started = performance.now();
  for (let sent = 0; sent < frames * callers.length;) {
    const due = Math.min(
      frames * callers.length,
      Math.floor(((performance.now() - started) / FRAME_MS) * callers.length) + 1,
    );
    for (; sent < due; sent++) callers[sent % callers.length].speak();
    // A busy loop, because waking a sleeping client would cost the server CPU time.
    await new Promise((resolve) => setImmediate(resolve));
  }
  // Time for frames in flight.
  await new Promise((resolve) => setTimeout(resolve, 300));
}

const STREAM = 'MZ18ad3ab5a668481ce02b83e7395059f0';
const HANDSHAKE = [
  { event: 'connected', protocol: 'Call', version: '1.0.0' },
  {
    event: 'start',
    sequenceNumber: '1',
    streamSid: STREAM,
    start: {
      streamSid: STREAM,
      accountSid: 'AC1',
      callSid: 'CA1',
      tracks: ['inbound'],
      customParameters: {},
      mediaFormat: { encoding: 'audio/x-mulaw', sampleRate: 8000, channels: 1 },
    },
  },
];
const MEDIA = clientFrame({
  event: 'media',
  sequenceNumber: '3',
  media: {
    track: 'inbound',
    chunk: '1',
    timestamp: '5',
    payload: Buffer.from(
      Uint8Array.from({ length: 160 }, (_, i) => 0x80 | Math.floor(60 * Math.abs(Math.sin(i / 9)))),
    ).toString('base64'),
  },
  streamSid: STREAM,
});

/** Returns a client's WebSocket frame with a zero mask, which costs nothing to apply. */
function clientFrame(message) {
  const payload = Buffer.from(JSON.stringify(message));
  const length = Buffer.from([
    0x81,
    0x80 | 126,
    payload.length >> 8,
    payload.length & 0xff,
    0,
    0,
    0,
    0,
  ]);
  if (payload.length > 125) return Buffer.concat([length, payload]);
  return Buffer.concat([Buffer.from([0x81, 0x80 | payload.length, 0, 0, 0, 0]), payload]);
}

/** Phone over bare TCP: a client cheaper than the server it measures. */
class Caller {
  delaysMs = [];
  sentAtMs = [];
  answered = 0;
  rest = Buffer.alloc(0);

  async call(port, path) {
    this.socket = connect(port, '127.0.0.1').setNoDelay(true);
    await once(this.socket, 'connect');
    const key = randomBytes(16).toString('base64');
    this.socket.write(
      `GET ${path} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`,
    );
    const [answer] = await once(this.socket, 'data');
    const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`);
    if (!answer.toString('latin1').includes(accept.digest('base64')))
      throw new Error(String(answer));
    this.socket.on('data', (data) => this.hear(data));
    if (path === '/ws') for (const message of HANDSHAKE) this.socket.write(clientFrame(message));
    return this;
  }

  reset() {
    this.delaysMs = [];
    this.sentAtMs = [];
    this.answered = 0;
  }

  get missing() {
    return this.sentAtMs.length - this.answered;
  }

  speak() {
    this.sentAtMs.push(performance.now());
    this.socket.write(MEDIA);
  }

  hear(data) {
    let buffer = this.rest.length > 0 ? Buffer.concat([this.rest, data]) : data;
    for (;;) {
      const short = (buffer[1] ?? 0) & 0x7f;
      const header = short === 126 ? 4 : 2;
      const length =
        short === 126 ? (buffer.length >= 4 ? buffer.readUInt16BE(2) : Infinity) : short;
      if (buffer.length < header + length) break;
      // Text frames, no pings.
      if ((buffer[0] & 0x0f) === 1)
        this.delaysMs.push(performance.now() - this.sentAtMs[this.answered++]);
      buffer = buffer.subarray(header + length);
    }
    this.rest = buffer;
  }

  async hangUp() {
    this.socket.end(Buffer.from([0x88, 0x80, 0, 0, 0, 0]));
    this.socket.resume();
    await once(this.socket, 'close');
  }
}
