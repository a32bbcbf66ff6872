// The runner under test, in a process of its own: everything that a stranger can reach. It says how long its event loop was held, what
// memory it holds, which sessions are open, and what went wrong. Usage: node --expose-gc runner.js, with an IPC channel; DIST has the build
// under test, UPLOADS a folder, COVERAGE=1 counts the branches.
import 'reflect-metadata';
import { once } from 'node:events';
import { Session as Inspector } from 'node:inspector/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { KEYS } from '../support/keys.js';
import { scriptsOf } from '../support/script-file.js';
import { Carrier } from './carrier.js';
import { LogCheck } from './log-check.js';
import { LoopMonitor } from './loop-monitor.js';

const DIST = pathToFileURL(`${process.env.DIST}/`).href;

const inspector = new Inspector();
if (process.env.COVERAGE) {
  inspector.connect();
  await inspector.post('Profiler.enable');
  await inspector.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
}

const runner = await import(`${DIST}index.js`);
const { RtviSession } = await import(`${DIST}bot.js`);

const EVENTS = ['audio', 'dtmf', 'message', 'text', 'transcription', 'interruption'];
const RTVI_EVENTS = [
  'send-text',
  'send-file',
  'ui-event',
  'ui-snapshot',
  'ui-cancel-job-group',
  'llm-function-call-result',
];
const listen = (transport) => EVENTS.forEach((event) => transport.on(event, () => undefined));

/** Behaviours of bots, by `body.bot`. */
const BOTS = {
  /** Reads nothing. */
  deaf: () => undefined,
  /** Has a transport, and reads nothing of it. */
  inattentive: (args) => runner.createTransport(args),
  /** Reads whatever there is, and does all that a bot can do. */
  attentive: async (args) => {
    const transport = await runner.createTransport(args);
    listen(transport);
    transport.on('dtmf', () => transport.clear());
    transport.on('message', (message) => transport.sendMessage(message));
    transport.on('audio', (frame) => void transport.sendAudio(frame));
    transport.on('interruption', () => void transport.mark('m'));
  },
  /** Leaves at once. */
  curt: async (args) => (await runner.createTransport(args)).hangUp(),
  /** Speaks RTVI. */
  rtvi: async (args) => {
    const transport = await runner.createTransport(args);
    listen(transport);
    const rtvi = new RtviSession(transport);
    rtvi.onClientMessage(({ t, data }) => (t === 'fail' ? Promise.reject(new Error()) : data));
    for (const event of RTVI_EVENTS) rtvi.on(event, () => undefined);
    rtvi.on('client-ready', () => {
      rtvi.callFunction('f', {}, { timeoutMs: 200 }).catch(() => undefined);
      rtvi.send('bot-output', { text: 'x', output_type: 'sentence' });
    });
  },
  /** Says each sample with the other sign: what comes back is known, and is not what was sent. */
  negative: async (args) => {
    const transport = await runner.createTransport(args, { sampleRateHz: 'native' });
    transport.on('audio', ({ pcm, sampleRateHz }) => {
      // G.711 has magnitudes in ones' complement.
      const negative = pcm.map((sample) => (sample < 0 ? -sample : ~sample));
      void transport.sendAudio({ pcm: negative, sampleRateHz });
    });
  },
};

const bots = new runner.ProcessBotLauncher({
  module: fileURLToPath(new URL('process-bot.js', import.meta.url)),
  env: { ...process.env, NODE_CHANNEL_FD: undefined },
});

/** Processes that do what a script says, and are ended soon. */
const scripted = new runner.ProcessBotLauncher({
  command: process.execPath,
  args: [fileURLToPath(new URL('scripted-bot.js', import.meta.url)), scriptsOf(process.pid)],
  env: { ...process.env, NODE_CHANNEL_FD: undefined },
  startTimeoutMs: 2_000,
  stopGraceMs: 200,
  killGraceMs: 200,
});

const log = new LogCheck();
const carrier = new Carrier();

class Bot extends runner.BotLauncher {
  onModuleDestroy() {
    return bots.onModuleDestroy();
  }

  async launch(args, session) {
    // A carrier brings it as a parameter of its own.
    const { bot = 'attentive' } = { ...args.call_data?.body, ...args.body };
    if (bot === 'process') return bots.launch(args, session);
    if (bot === 'scripted' || bot === 'throwing') {
      log.mayFail(`Session ${session.id}`);
      if (bot === 'scripted') return scripted.launch(args, session);
      const { throwingBot } = await import('./throwing-bot.js');
      return throwingBot(args, session, runner.createTransport);
    }
    session.onRequest(async (request) => {
      await request.arrayBuffer();
      return new Response('{}');
    });
    // There is no server of theirs.
    if (['livekit', 'daily'].includes(session.transport)) return;
    try {
      await (Object.hasOwn(BOTS, bot) ? BOTS[bot] : BOTS.attentive)(args);
    } catch (error) {
      // That a call has no sound, or none that is understood, is the peer's affair.
      if (error.name !== 'MediaUnavailableError') throw error;
    }
    session.ready();
    if (!session.signal.aborted) await once(session.signal, 'abort');
  }
}

const noServer = 'http://127.0.0.1:9';
const folder = process.env.UPLOADS;

const root = runner.RunnerModule.forRoot({
  launcher: Bot,
  defaultTransport: 'websocket',
  console: true,
  maxSessions: 500,
  sessionHistory: 20,
  // Connections that are opened and left are gone soon, so that what stays is seen.
  pendingTtlMs: 1_000,
  stopGraceMs: 500,
  bodyTimeoutMs: 1_000,
  closeTimeoutMs: 200,
  sessionRequestTimeoutMs: 1_000,
  uploads: { folder, maxBytes: 4_194_304, timeoutMs: 2_000 },
  features: [
    runner.MetricsModule.forRoot(),
    runner.OpenApiModule.forRoot(),
    runner.DownloadsModule.forRoot({ folder: 'docs' }),
  ],
  transports: [
    runner.WebSocketModule.forRoot(),
    runner.TelephonyModule.forRoot({
      webhookKeys: KEYS.webhooks,
      credentials: await carrier.start(),
      customParameters: runner.callerParameters,
      handshakeTimeoutMs: 500,
      evals: true,
    }),
    runner.SmallWebRtcModule.forRoot({ connectTimeoutMs: 1_500, gatheringTimeoutMs: 200 }),
    runner.DailyModule.forRoot({
      apiKey: 'key',
      apiUrl: noServer,
      dialinSecret: KEYS.daily,
      timeoutMs: 100,
    }),
    runner.LiveKitModule.forRoot({ url: 'ws://127.0.0.1:9', ...KEYS.liveKit }),
    runner.WhatsAppModule.forRoot({
      token: 'token',
      phoneNumberId: '1',
      appSecret: KEYS.whatsApp,
      verifyToken: 'verify',
      apiUrl: noServer,
    }),
  ],
});

const app = await NestFactory.create(root, new FastifyAdapter(), {
  logger: log,
  abortOnError: false,
});
await app.listen(0, '127.0.0.1');

const warnings = [];
process.on('warning', ({ name, message }) => warnings.push(`${name}: ${message}`));

const sessions = app.get(runner.SessionRegistry, { strict: false });
/** When each session was seen first. */
const seenMs = new WeakMap();
function describe(session) {
  const { id, transport, state } = session;
  if (!seenMs.has(session)) seenMs.set(session, performance.now());
  const ageMs = performance.now() - seenMs.get(session);
  return { id, transport, state: state.name, ageMs };
}
const monitor = new LoopMonitor();

/** Properties that all arrays and objects have got. */
function polluted() {
  const names = [];
  for (const name in []) names.push(`every array has ${name}`);
  return names;
}

const ANSWERS = {
  async state({ gc = false }) {
    // A loop that was held is noticed only once it goes on.
    await sleep(15);
    if (gc) monitor.without(globalThis.gc);
    const { heapUsed, arrayBuffers, rss } = process.memoryUsage();
    return {
      bytes: heapUsed + arrayBuffers,
      rss,
      sessions: sessions.live.map(describe),
      // Notes since the last question stay for the one that is not about memory.
      ...(!gc && {
        heldMs: monitor.take(),
        problems: [
          ...polluted(),
          ...warnings.splice(0),
          ...log.take(),
          ...carrier.problems.splice(0),
        ],
      }),
    };
  },
  /** Ranges and counts of each script of the build, as V8 has them. It holds the loop, so it comes last. */
  async coverage() {
    const { result } = await inspector.post('Profiler.takePreciseCoverage');
    return result
      .filter(({ url }) => url.startsWith(DIST))
      .map(({ url, functions }) => ({ path: url.slice(DIST.length), functions }));
  },
};

process.on('message', async ({ id, question, ...rest }) => {
  process.send({ id, answer: await ANSWERS[question](rest) });
});
process.on('disconnect', () => process.exit());
process.send({ port: app.getHttpServer().address().port });
