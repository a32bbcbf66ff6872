// The runners of the soak in one application, in a process of its own, that tells how it is when it is asked.
// Usage: node --expose-gc host.js '<JSON of SoakSettings>', with an IPC channel.
import 'reflect-metadata';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { writeHeapSnapshot } from 'node:v8';
import { census, countTimers, liveTimers } from '../faults/census.js';

countTimers();
// Node keeps the timings of the first 250 answers of `fetch`: half a kilobyte each, which looks like a leak until there are as many.
performance.setResourceTimingBufferSize(0);
const { Module } = await import('@nestjs/common');
const { NestFactory } = await import('@nestjs/core');
const { FastifyAdapter } = await import('@nestjs/platform-fastify');
const runner = await import('nestjs-pipecat-runner');
const { default: bot } = await import('./bot.js');

const settings = JSON.parse(process.argv[2]);
/** Of the clock that measures the event loop's lag. */
const RESOLUTION_MS = 10;

class Bot extends runner.BotLauncher {
  launch(args, session) {
    return bot(args, session);
  }
}

const common = {
  pendingTtlMs: 10_000,
  sessionHistory: 20,
  drainTimeoutMs: 1_000,
  stopGraceMs: 500,
};
const webSocket = () => runner.WebSocketModule.forRoot({ pingIntervalMs: 5_000 });
const telephony = () =>
  runner.TelephonyModule.forRoot({ credentials: settings.credentials, webhookKeys: false });
const inProcesses = (name, program) =>
  runner.RunnerModule.forRoot({
    ...common,
    name,
    path: name,
    launcher: {
      useFactory: () => new runner.ProcessBotLauncher({ ...program, warmProcesses: 1 }),
    },
    transports: [webSocket(), telephony()],
  });

const runners = {
  main: runner.RunnerModule.forRoot({
    ...common,
    name: 'main',
    launcher: Bot,
    uploads: { folder: settings.uploads },
    transports: [
      webSocket(),
      telephony(),
      runner.SmallWebRtcModule.forRoot({ peerTimeoutMs: 5_000 }),
      runner.DailyModule.forRoot({ ...settings.daily, deleteRoomOnEnd: true }),
      ...(settings.livekit
        ? [runner.LiveKitModule.forRoot({ ...settings.livekit, deleteRoomOnEnd: true })]
        : []),
    ],
    features: [runner.MetricsModule.forRoot()],
  }),
  /** Soon full, and soon over. */
  limited: runner.RunnerModule.forRoot({
    ...common,
    name: 'limited',
    path: 'limited',
    launcher: Bot,
    transports: [webSocket()],
    maxSessions: 1,
    maxSessionDurationMs: 5_000,
    pendingTtlMs: 5_000,
  }),
  ...(settings.processes && {
    node: inProcesses('node', { module: fileURLToPath(new URL('bot.js', import.meta.url)) }),
  }),
  ...(settings.python && { python: inProcesses('python', settings.python) }),
};

class Root {}
Module({ imports: Object.values(runners) })(Root);
const app = await NestFactory.create(Root, new FastifyAdapter(), {
  logger: settings.verbose ? ['error', 'warn', 'log'] : false,
  abortOnError: false,
});
app.enableShutdownHooks([], { useProcessExit: true });

const held = new Set();
const seen = new WeakSet();
let opened = 0;
let ended = 0;
const registries = Object.keys(runners).map(
  (name) => app.get(runner.getRunnerToken(name), { strict: false }).sessions,
);
for (const registry of registries) {
  registry.observers.add({
    changed(session) {
      if (!seen.has(session)) {
        opened++;
        held.add(new WeakRef(session));
      }
      seen.add(session);
      if (session.state.name !== 'ended') return;
      ended++;
      if (process.connected) {
        process.send({ ended: { tag: session.body?.tag, code: session.state.reason.code } });
      }
    },
  });
}
await app.listen(0, '127.0.0.1');
const server = app.getHttpServer();
const lag = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
lag.enable();

const lagMs = (nanoseconds) => Math.max(0, Math.round(nanoseconds / 1e5) / 10 - RESOLUTION_MS);

/** Measurements since the last ones. The pause of the garbage collection that they need is not among them. */
function sample() {
  const lags = { lagP99Ms: lagMs(lag.percentile(99)), lagMaxMs: lagMs(lag.max) };
  lag.disable();
  // Before the garbage collection: the book of timers holds those that have ended, and all that they refer to.
  const timers = liveTimers().length;
  for (let i = 0; i < 2; i++) globalThis.gc();
  for (const session of held) if (!session.deref()) held.delete(session);
  const { heapUsed, rss, external } = process.memoryUsage();
  lag.reset();
  lag.enable();
  return {
    heapBytes: heapUsed,
    externalBytes: external,
    rssBytes: rss,
    ...lags,
    descriptors: readdirSync('/proc/self/fd').length - 1,
    processes: readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8')
      .split(' ')
      .filter(Boolean).length,
    timers,
    sessions: registries.reduce((sum, { size }) => sum + size, 0),
    heldSessions: held.size,
    opened,
    ended,
    cpuMs: Math.round(process.cpuUsage().user / 1e3 + process.cpuUsage().system / 1e3),
  };
}

/** Answers by question, with its argument. */
const answers = {
  sample,
  census() {
    server.closeIdleConnections();
    return census(app, held);
  },
  /** Its garbage collections are not enough: some objects go with the second. */
  snapshot(file) {
    liveTimers();
    for (let i = 0; i < 4; i++) globalThis.gc();
    return writeHeapSnapshot(file);
  },
};
process.on('message', ([question, argument]) => {
  process.send({ answer: answers[question](argument) });
});
process.send({ port: server.address().port });
