// Cost of a WebRTC session: to connect, while it lasts, and leaks after it. Used by index.js.
import { createEncoder } from 'libopus-wasm';
import nodeDataChannel from 'node-datachannel';

const CONNECTIONS = 25;
const SECONDS = 8;
const CYCLES = 200;
const ECHOES = 15;
/** Size that separates packets of sound from packets of silence, in bytes with header. */
const LOUD_BYTES = 64;

/** @param ours, bare servers: the runner's echo bot, and plain werift that sends packets back */
export async function webrtc(ours, bare, ask) {
  const row = async ({ name, port }) => {
    const offers = await connecting(port);
    const rtt = await echo(port);
    return { ...offers, rtt, ...(await active({ name, port }, ask)) };
  };
  // The first round is a warm-up.
  await connecting(ours.port, 10);
  await connecting(bare.port, 10);
  const runner = await row(ours);
  const werift = await row(bare);
  const ms = (key) => `${runner[key].toFixed(1)} / ${werift[key].toFixed(1)} ms`;
  // Twice, because the first run includes one-time allocations.
  await cycles(ours, ask);
  const left = await cycles(ours, ask);
  nodeDataChannel.cleanup();
  return {
    'offer → answer, p50': { 'runner / bare werift': ms('answerMs'), aim: '≤ 10 ms' },
    'offer → connected, p50': { 'runner / bare werift': ms('connectedMs'), aim: '≤ 120 ms' },
    'echo there and back, p50': { 'runner / bare werift': ms('rtt'), aim: '≤ 110 ms' },
    [`CPU of one core a connection, of ${CONNECTIONS}`]: {
      'runner / bare werift': `${percent(runner.cpu)} / ${percent(werift.cpu)} (${(runner.cpu / werift.cpu).toFixed(1)}×)`,
      aim: '≤ 3 %',
    },
    [`RSS a connection, of ${CONNECTIONS}`]: {
      'runner / bare werift': `${megabytes(runner.rssBytes)} / ${megabytes(werift.rssBytes)}`,
      aim: '≤ 1.5 MB',
    },
    [`heap a connection, of ${CONNECTIONS}`]: {
      'runner / bare werift': `${megabytes(runner.heapBytes)} / ${megabytes(werift.heapBytes)}`,
      aim: '',
    },
    [`left after ${CYCLES} more connections`]: { 'runner / bare werift': left, aim: 'nothing' },
  };
}

const percent = (share) => `${(share * 100).toFixed(2)} %`;
const megabytes = (bytes) => `${(bytes / 2 ** 20).toFixed(2)} MB`;
const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];

async function connecting(port, count = 30) {
  const answers = [];
  const connected = [];
  for (let i = 0; i < count; i++) {
    const client = new Client();
    const { answerMs, connectedMs } = await client.connect(port);
    answers.push(answerMs);
    connected.push(connectedMs);
    await client.leave();
  }
  return { answerMs: median(answers), connectedMs: median(connected) };
}

/** Latency from a sound to its echo. */
async function echo(port) {
  const client = new Client();
  await client.connect(port);
  client.speak();
  const times = [];
  for (let i = 0; i < ECHOES; i++) {
    client.loud = false;
    // Waits for silence.
    await client.quiet(500 + i * 7);
    client.loud = true;
    times.push(await client.untilLoud());
  }
  await client.leave();
  return median(times);
}

async function active({ name, port }, ask) {
  const before = await ask(name, 'resources');
  const clients = await Client.speaking(port, CONNECTIONS);
  await sleep(2_000);
  const start = await ask(name, 'usage');
  const startedAt = performance.now();
  await sleep(SECONDS * 1_000);
  const end = await ask(name, 'usage');
  const seconds = (performance.now() - startedAt) / 1_000;
  const { heapBytes } = await ask(name, 'resources');
  await Promise.all(clients.map((client) => client.leave()));
  return {
    cpu: (end.cpuUs - start.cpuUs) / 1e6 / seconds / CONNECTIONS,
    rssBytes: (end.rssBytes - before.rssBytes) / CONNECTIONS,
    heapBytes: (heapBytes - before.heapBytes) / CONNECTIONS,
  };
}

async function cycles({ name, port }, ask) {
  const use = async () => {
    await sleep(1_500);
    return ask(name, 'resources');
  };
  await connecting(port, 20);
  const before = await use();
  for (let i = 0; i < CYCLES; i++) {
    const client = new Client();
    await client.connect(port);
    await client.leave();
  }
  const after = await use();
  return [
    `${megabytes(after.rssBytes - before.rssBytes)} RSS`,
    `${megabytes(after.heapBytes - before.heapBytes)} heap`,
    `${after.fds - before.fds} fds`,
    `${after.timers - before.timers} timers`,
    `${after.sessions} sessions`,
  ].join(', ');
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const encoder = await createEncoder({
  sampleRate: 48_000,
  channels: 1,
  frameSize: 960,
  bitrate: 32_000,
});
const LOUD = Array.from({ length: 50 }, () => {
  const pcm = Int16Array.from({ length: 960 }, () => (Math.random() - 0.5) * 20_000);
  return Buffer.from(encoder.encode(pcm));
}).slice(10);
/** Opus packet of 20 ms of silence. */
const SILENT = [Buffer.of(0xf8, 0xff, 0xfe)];

/** Client on libdatachannel, cheaper than the server it measures. */
export class Client {
  loud = false;
  sequenceNumber = 0;
  lastLoudMs = 0;
  heardLoud = undefined;

  /** Connects clients that speak aloud, one after the other. */
  static async speaking(port, count) {
    const clients = [];
    for (let i = 0; i < count; i++) {
      const client = new Client();
      await client.connect(port);
      client.loud = true;
      client.speak();
      clients.push(client);
    }
    return clients;
  }

  async connect(port) {
    this.pc = new nodeDataChannel.PeerConnection('client', { iceServers: [] });
    const gathered = new Promise((resolve) =>
      this.pc.onGatheringStateChange((state) => state === 'complete' && resolve()),
    );
    const audio = new nodeDataChannel.Audio('0', 'SendRecv');
    audio.addOpusCodec(111);
    audio.addSSRC(1_234, 'client', 'stream', 'track');
    this.track = this.pc.addTrack(audio);
    this.track.onMessage((packet) => this.hear(packet));
    this.channel = this.pc.createDataChannel('chat');
    this.pc.setLocalDescription();
    await gathered;
    const open = new Promise((resolve) => this.channel.onOpen(resolve));
    const startedAt = performance.now();
    const response = await fetch(`http://127.0.0.1:${port}/api/offer`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ sdp: this.pc.localDescription().sdp, type: 'offer' }),
    });
    const answer = await response.json();
    const answerMs = performance.now() - startedAt;
    this.pc.setRemoteDescription(answer.sdp, 'answer');
    await open;
    return { startedAt, answerMs, connectedMs: performance.now() - startedAt };
  }

  /** Sends a packet every 20 ms. */
  speak() {
    const startedAt = performance.now();
    const tick = () => {
      const due = Math.floor((performance.now() - startedAt) / 20) + 1;
      while (this.sequenceNumber < due) this.send();
      this.timer = setTimeout(tick, Math.max(1, startedAt + due * 20 - performance.now()));
    };
    tick();
  }

  send() {
    const payloads = this.loud ? LOUD : SILENT;
    const header = Buffer.alloc(12);
    header[0] = 0x80;
    header[1] = 111;
    header.writeUInt16BE(this.sequenceNumber & 0xffff, 2);
    header.writeUInt32BE((this.sequenceNumber * 960) >>> 0, 4);
    header.writeUInt32BE(1_234, 8);
    const payload = payloads[this.sequenceNumber++ % payloads.length];
    if (this.loud) this.firstLoudMs ??= performance.now();
    this.track.sendMessageBinary(Buffer.concat([header, payload]));
  }

  hear(packet) {
    if (packet.length < LOUD_BYTES || (packet[1] & 0x7f) !== 111) return;
    this.lastLoudMs = performance.now();
    this.heardLoud?.();
  }

  async quiet(ms) {
    while (performance.now() - this.lastLoudMs < ms) await sleep(20);
    this.firstLoudMs = undefined;
  }

  async untilLoud() {
    await new Promise((resolve) => (this.heardLoud = resolve));
    return this.lastLoudMs - this.firstLoudMs;
  }

  async leave() {
    clearTimeout(this.timer);
    this.channel.close();
    await sleep(5);
    this.pc.close();
  }
}
