// Compares the runner with bare baselines in one run: interleaved rounds, medians, ratios. Bounded to some four minutes.
import { randomUUID } from 'node:crypto';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { WebSocket } from 'ws';
import { fleetCalls } from './fleet-calls.js';
import { calls, frames } from './media.js';
import { callsAgainstPipecat, startPipecat } from './pipecat/index.js';
import { isolation } from './process.js';
import { pythonWebrtc } from './python-webrtc.js';
import { webrtc } from './webrtc.js';

const ROUNDS = 5;
const twilio = JSON.stringify({
  event: 'media',
  sequenceNumber: '4',
  media: {
    track: 'inbound',
    chunk: '2',
    timestamp: '5',
    payload: Buffer.alloc(160, 0x7f).toString('base64'),
  },
  streamSid: 'MZXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX',
});
const PCM = Buffer.alloc(640, 1);
const START = JSON.stringify({
  transport: 'websocket',
  body: { user: { id: 7, name: 'Ada' }, topic: 'billing' },
});

const servers = {};
for (const name of [
  'runner',
  'runner-media',
  'bare-ws',
  'bare-fastify',
  'runner-livekit',
  'bare-livekit',
  'runner-webrtc',
  'bare-werift',
  'runner-process',
]) {
  servers[name] = await startServer(name);
}

/** `npm run bench -- rooms` measures one part only; `-- fleet` needs a redis-server, `-- pipecat <python>` and `-- python-webrtc <python>` Pipecat's own runner, if it is installed. */
const server = (name) => ({ name, port: servers[name].port });
const parts = {
  web,
  rooms: async () => console.table(await rooms()),
  media,
  webrtc: async () =>
    console.table(await webrtc(server('runner-webrtc'), server('bare-werift'), ask)),
  process: async () => {
    console.log('A bot inside the process of the runner, and in one of its own:');
    const { pid } = servers['runner-process'];
    console.table(await isolation(server('runner'), server('runner-process'), twilio, pid));
  },
  fleet: async () => {
    console.log('CPU of a runner, alone and in a fleet: median of pairs, and where it lies:');
    console.table(await fleetCalls(startServer));
  },
  pipecat,
  'python-webrtc': async (python) => console.table(await pythonWebrtc(python)),
};
const [only, ...rest] = process.argv.slice(2);
if (only === undefined) {
  await parts.web();
  await parts.rooms();
  await parts.media();
  await parts.webrtc();
  await parts.process();
  console.table(await memory());
} else {
  if (!parts[only]) throw new Error(`there are ${Object.keys(parts).join(', ')}`);
  await parts[only](...rest);
}
for (const server of Object.values(servers)) server.stop();

/** Throughput of `POST /start` and WebSockets. */
async function web() {
  await comparisons([
    ['echo, Twilio JSON', 'runner', 'bare-ws', (port, path) => echo(port, path, twilio), 'msg/s'],
    ['echo, 640 B binary', 'runner', 'bare-ws', (port, path) => echo(port, path, PCM), 'msg/s'],
    ['POST /start', 'runner', 'bare-fastify', start, 'req/s'],
    [
      'POST /start, LiveKit',
      'runner-livekit',
      'bare-livekit',
      (port) => start(port, '', 4_000, START.replace('websocket', 'livekit')),
      'req/s',
    ],
  ]);
}

/** The same against Pipecat. @param python interpreter with `pipecat-ai[runner,websocket]` */
async function pipecat(python = 'python3') {
  servers.pipecat = await startPipecat(python);
  await comparisons([
    ['echo, Twilio JSON', 'runner', 'pipecat', (port, path) => echo(port, path, twilio), 'msg/s'],
    ['POST /start', 'runner', 'pipecat', (port) => start(port, '', 5_000), 'req/s'],
  ]);
  console.table(await callsAgainstPipecat(servers));
}

async function comparisons(all) {
  console.log(
    `Median of ${ROUNDS} interleaved rounds; a ratio of 1 is as fast as what it is compared with.\n`,
  );
  const rows = {};
  for (const [what, ...comparison] of all) rows[what] = await compare(...comparison);
  console.table(rows);
}

async function startServer(name, ...args) {
  const child = fork(new URL('servers.js', import.meta.url), [name, ...args], {
    execArgv: ['--expose-gc'],
  });
  const failed = once(child, 'exit').then(() => {
    throw new Error(`${name} ended before it listened`);
  });
  failed.catch(() => undefined);
  const [{ port }] = await Promise.race([once(child, 'message'), failed]);
  const answer = async (question) => {
    child.send(question);
    const [said] = await once(child, 'message');
    return said;
  };
  const { pid } = child;
  return { port, pid, ask: answer, stop: () => child.disconnect() };
}

async function media() {
  console.table(await frames());
  console.log('Paced Twilio calls through the echo bot, runner / bare ws:');
  console.table(await calls(server('runner-media'), server('bare-ws'), ask));
}

function ask(name, question) {
  return servers[name].ask(question);
}

/** Runs the load on both servers in turn, and compares the medians. */
async function compare(ours, baseline, load, unit) {
  const results = { [ours]: [], [baseline]: [] };
  for (let round = -1; round < ROUNDS; round++) {
    for (const name of round % 2 ? [baseline, ours] : [ours, baseline]) {
      const before = await ask(name, 'cpu');
      const { perSecond, count, p99Ms } = await load(
        servers[name].port,
        name.startsWith('bare') ? '/' : '/ws-client',
      );
      const { cpuUs } = await ask(name, 'cpu');
      // The first round is a warm-up.
      if (round >= 0)
        results[name].push({ perSecond, p99Ms, cpuUs: (cpuUs - before.cpuUs) / count });
    }
  }
  const of = (name, key) => median(results[name].map((result) => result[key]));
  const perSecond = (name) => `${Math.round(of(name, 'perSecond'))} ${unit}`;
  return {
    runner: perSecond(ours),
    baseline: `${perSecond(baseline)} of ${baseline}`,
    'throughput ratio': ratio(of(ours, 'perSecond'), of(baseline, 'perSecond')),
    // Inverted, so that more is better.
    'CPU ratio': ratio(of(baseline, 'cpuUs'), of(ours, 'cpuUs')),
    'CPU µs each': `${of(ours, 'cpuUs').toFixed(1)} / ${of(baseline, 'cpuUs').toFixed(1)}`,
    'p99 ms': `${of(ours, 'p99Ms').toFixed(2)} / ${of(baseline, 'p99Ms').toFixed(2)}`,
  };
}

/** Eight clients with 16 unanswered messages each. */
async function echo(port, path, message) {
  const total = 40_000;
  const sockets = await Promise.all(
    Array.from({ length: 8 }, async () => {
      const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, { perMessageDeflate: false });
      await once(socket, 'open');
      return socket;
    }),
  );
  const latenciesMs = [];
  const started = performance.now();
  await Promise.all(
    sockets.map(
      (socket) =>
        new Promise((resolve) => {
          const share = total / sockets.length;
          const sentAt = [];
          let sent = 0;
          let received = 0;
          const send = () => {
            if (sent++ >= share) return;
            sentAt.push(performance.now());
            socket.send(message);
          };
          socket.on('message', () => {
            latenciesMs.push(performance.now() - sentAt[received]);
            if (++received === share) resolve();
            else send();
          });
          for (let i = 0; i < 16; i++) send();
        }),
    ),
  );
  const seconds = (performance.now() - started) / 1_000;
  for (const socket of sockets) socket.close();
  await Promise.all(sockets.map((socket) => once(socket, 'close')));
  latenciesMs.sort((a, b) => a - b);
  return { perSecond: total / seconds, count: total, p99Ms: latenciesMs[Math.floor(total * 0.99)] };
}

/** Sixteen connections over bare TCP, one request at a time each: a client cheaper than the server it measures. */
async function start(port, _path, total = 20_000, body = START) {
  const request =
    `POST /start HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Type: application/json\r\n` +
    `Content-Length: ${body.length}\r\n\r\n${body}`;
  const latenciesMs = [];
  let sent = 0;
  const started = performance.now();
  await Promise.all(
    Array.from({ length: 16 }, async () => {
      const socket = connect(port, '127.0.0.1').setEncoding('latin1');
      await once(socket, 'connect');
      let sentAt = 0;
      const send = () => {
        if (sent++ >= total) return socket.end();
        sentAt = performance.now();
        socket.write(request);
      };
      let answer = '';
      socket.on('data', (text) => {
        answer += text;
        // Both servers answer with a body that ends in the one closing brace.
        if (!answer.endsWith('}')) return;
        if (!answer.startsWith('HTTP/1.1 200')) throw new Error(answer);
        latenciesMs.push(performance.now() - sentAt);
        answer = '';
        send();
      });
      send();
      await once(socket, 'close');
    }),
  );
  const seconds = (performance.now() - started) / 1_000;
  latenciesMs.sort((a, b) => a - b);
  return { perSecond: total / seconds, count: total, p99Ms: latenciesMs[Math.floor(total * 0.99)] };
}

/** Latency of room creation for a client of the runner, by Daily's own latency. */
async function rooms() {
  const latencyMs = 100;
  const provider = (servers.provider = await startServer('provider', latencyMs));
  const apiUrl = `http://127.0.0.1:${provider.port}/v1`;
  const cold = (servers.cold = await startServer('runner-daily', apiUrl, 0));
  const warm = (servers.warm = await startServer('runner-daily', apiUrl, 5));
  const timed = async (call) => {
    const before = performance.now();
    await call();
    return performance.now() - before;
  };
  // Node's own client on both sides; its fetch alone takes a millisecond more.
  const agent = new Agent({ keepAlive: true });
  const ask = async (url, body) => {
    const outgoing = request(url, {
      agent,
      method: 'POST',
      headers: { 'content-type': 'application/json' },
    });
    outgoing.end(JSON.stringify(body));
    const [response] = await once(outgoing, 'response');
    let text = '';
    for await (const part of response.setEncoding('utf8')) text += part;
    if (response.statusCode !== 200) throw new Error(text);
    return JSON.parse(text);
  };
  const startRoom = () => ask(`http://127.0.0.1:${cold.port}/start`, { createDailyRoom: true });
  const call = ({ port }) =>
    ask(`http://127.0.0.1:${port}/daily-dialin-webhook`, {
      From: '+15550001',
      To: '+15550002',
      callId: randomUUID(),
      callDomain: 'd',
    });
  const times = { bare: [], start: [], cold: [], warm: [] };
  for (let round = -2; round < 20; round++) {
    const bare = await timed(async () => {
      await ask(`${apiUrl}/rooms`, {});
      await ask(`${apiUrl}/meeting-tokens`, {});
    });
    const one = { bare, start: await timed(startRoom) };
    one.cold = await timed(() => call(cold));
    one.warm = await timed(() => call(warm));
    // Time for the pool to refill.
    await new Promise((resolve) => setTimeout(resolve, 3 * latencyMs));
    if (round >= 0) for (const [name, ms] of Object.entries(one)) times[name].push(ms);
  }
  const p50 = Object.fromEntries(Object.entries(times).map(([name, all]) => [name, median(all)]));
  let answered = 0;
  const burstMs = await timed(() =>
    Promise.all(Array.from({ length: 200 }, () => startRoom().then(() => answered++))),
  );
  const ms = (value) => `${value.toFixed(1)} ms`;
  return {
    [`the two calls to a Daily of ${latencyMs} ms, p50`]: { measured: ms(p50.bare), aim: '' },
    'POST /start adds to them, p50': { measured: ms(p50.start - p50.bare), aim: '≤ 2 ms' },
    'phone call answered, p50': { measured: ms(p50.cold), aim: '' },
    'phone call answered from a warm room, p50': { measured: ms(p50.warm), aim: '' },
    [`burst of 200 starts, ${answered} answered`]: { measured: ms(burstMs), aim: '< 1,000 ms' },
  };
}

async function memory() {
  // Let the sessions of the last measurement expire.
  while ((await ask('runner', 'heap')).sessions > 0)
    await new Promise((resolve) => setTimeout(resolve, 200));
  const bytes = {};
  for (const [name, path] of [
    ['runner', '/ws-client'],
    ['bare-ws', '/'],
  ]) {
    const before = (await ask(name, 'heap')).heapBytes;
    const sockets = await Promise.all(
      Array.from({ length: 500 }, async () => {
        const socket = new WebSocket(`ws://127.0.0.1:${servers[name].port}${path}`);
        await once(socket, 'open');
        return socket;
      }),
    );
    bytes[name] = ((await ask(name, 'heap')).heapBytes - before) / sockets.length;
    for (const socket of sockets) socket.close();
    await Promise.all(sockets.map((socket) => once(socket, 'close')));
  }
  // Twice, because the first run includes one-time allocations.
  let before, full, after;
  for (let i = 0; i < 2; i++) {
    before = await ask('runner', 'heap');
    await start(servers.runner.port, '', 10_000);
    full = after = await ask('runner', 'heap');
    while (after.sessions > 0) {
      await new Promise((resolve) => setTimeout(resolve, 200));
      after = await ask('runner', 'heap');
    }
  }
  const kb = (value) => `${(value / 1_024).toFixed(1)} KB`;
  return {
    'idle WebSocket session over a bare ws socket': {
      heap: kb(bytes.runner - bytes['bare-ws']),
      aim: '≤ 25 KB',
    },
    [`pending session (${full.sessions} open)`]: {
      heap: kb((full.heapBytes - after.heapBytes) / full.sessions),
      aim: '≤ 2 KB',
    },
    'left behind by 10,000 expired starts': {
      heap: kb(after.heapBytes - before.heapBytes),
      aim: 'nothing',
    },
  };
}

function median(values) {
  return values.sort((a, b) => a - b)[Math.floor(values.length / 2)];
}

function ratio(a, b) {
  return `${(a / b).toFixed(2)}×`;
}
