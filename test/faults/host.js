// A runner whose bots behave as `body.bot` says, in a process of its own, so that what it leaves behind can be counted.
// Usage: node --expose-gc host.js '<JSON of HostSettings>', with an IPC channel.
import 'reflect-metadata';
import { writeFileSync } from 'node:fs';
import { census, countTimers } from './census.js';

countTimers();
const { NestFactory } = await import('@nestjs/core');
const runner = await import('nestjs-pipecat-runner');
const { tempers } = await import('./tempers.js');

const settings = JSON.parse(process.argv[2]);
/** End codes of sessions, by the tag in their body. */
const ends = {};
const tagOf = ({ body }) => body?.tag ?? body?.dialin_settings?.call_id ?? 'untagged';

class Bot extends runner.BotLauncher {
  launch(args, session) {
    const body = args.body?.bot === undefined ? args.call_data?.body : args.body;
    return tempers[body?.bot ?? 'stays'](args, session);
  }
}

const root = runner.RunnerModule.forRoot({
  launcher: Bot,
  transports: [
    runner.WebSocketModule.forRoot({ pingIntervalMs: 1_500 }),
    runner.TelephonyModule.forRoot({
      handshakeTimeoutMs: 2_000,
      credentials: settings.credentials,
      webhookKeys: false,
    }),
    runner.SmallWebRtcModule.forRoot({ connectTimeoutMs: 4_000, peerTimeoutMs: 1_500 }),
    runner.DailyModule.forRoot({ ...settings.daily, deleteRoomOnEnd: true, timeoutMs: 600 }),
    runner.LiveKitModule.forRoot({
      ...settings.livekit,
      room: {},
      deleteRoomOnEnd: true,
      timeoutMs: 600,
    }),
  ],
  stopGraceMs: 50,
  readyTimeoutMs: 1_500,
  pendingTtlMs: 3_000,
  closeTimeoutMs: 300,
  sessionRequestTimeoutMs: 300,
  sessionHistory: 20,
  drainTimeoutMs: 500,
});

const adapter =
  settings.platform === 'express'
    ? new (await import('@nestjs/platform-express')).ExpressAdapter()
    : new (await import('@nestjs/platform-fastify')).FastifyAdapter();
const app = await NestFactory.create(root, adapter, {
  logger: settings.verbose ? ['error', 'warn', 'log'] : false,
  abortOnError: false,
});
app.enableShutdownHooks([], { useProcessExit: true });
const registry = app.get(runner.SessionRegistry, { strict: false });
let opened = 0;
const seen = new WeakSet();
const sessions = new Set();
registry.observers.add({
  changed(session) {
    if (!seen.has(session)) {
      opened++;
      sessions.add(new WeakRef(session));
    }
    seen.add(session);
    if (session.state.name === 'ended') {
      (ends[tagOf(session)] ??= []).push(session.state.reason.code);
    }
  },
});
await app.listen(0, '127.0.0.1');
const server = app.getHttpServer();

/** Everything that became of sessions since it was last asked. */
function report() {
  const said = { opened, live: registry.size, ends: { ...ends } };
  opened = 0;
  for (const tag of Object.keys(ends)) delete ends[tag];
  return said;
}

process.on('message', (question) => {
  if (question === 'census') server.closeIdleConnections();
  process.send(question === 'census' ? census(app, sessions) : report());
});
process.on('exit', () => {
  if (settings.lastWords) writeFileSync(settings.lastWords, JSON.stringify(report()));
});
process.send({ port: server.address().port });
