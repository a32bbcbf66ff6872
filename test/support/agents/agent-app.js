// A host whose bots are agents, in a process of its own: the engine cannot live in Jest's module registry.
// Usage: node --expose-gc agent-app.js '<JSON of settings>', with an IPC channel.
import 'reflect-metadata';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { census, countTimers } from '../../faults/census.js';

countTimers();
const { Inject, Module } = await import('@nestjs/common');
const { NestFactory } = await import('@nestjs/core');
const { FastifyAdapter } = await import('@nestjs/platform-fastify');
const runner = await import('nestjs-pipecat-runner');

const settings = JSON.parse(process.argv[2]);
const botFile = fileURLToPath(new URL('./support-bot.js', import.meta.url));
const { SupportBot, Weather } = settings.commonJs ? await requireBot() : await import(botFile);
const tell = (event) => process.connected && process.send(event);

class HostBot extends SupportBot {
  note(event) {
    tell({ ...event, atMs: Date.now() });
  }
}
Inject(Weather)(HostBot, undefined, 0);
Inject('openai')(HostBot, undefined, 1);

class HostModule {}
Module({
  providers: [Weather, { provide: 'openai', useValue: settings.openai }],
  exports: [Weather, 'openai'],
})(HostModule);

const program = {
  module: botFile,
  env: { OPENAI_URL: settings.openai.baseURL, OPENAI_KEY: settings.openai.apiKey },
};
const root = runner.RunnerModule.forRoot({
  imports: [HostModule],
  launcher: settings.inProcesses
    ? { useFactory: () => new runner.ProcessBotLauncher(program) }
    : HostBot,
  transports: [
    runner.WebSocketModule.forRoot(),
    runner.TelephonyModule.forRoot({ webhookKeys: false }),
    runner.SmallWebRtcModule.forRoot(),
    ...(settings.livekit ? [runner.LiveKitModule.forRoot(settings.livekit)] : []),
  ],
});
const app = await NestFactory.create(root, new FastifyAdapter(), {
  logger: ['error', 'warn'],
  abortOnError: false,
});
app.enableShutdownHooks();
const registry = app.get(runner.SessionRegistry, { strict: false });
const sessions = new Set();
const seen = new WeakSet();
registry.observers.add({
  changed(session) {
    if (!seen.has(session)) sessions.add(new WeakRef(session));
    seen.add(session);
    if (session.state.name !== 'ended') return;
    const { code, message } = session.state.reason;
    tell({ session: session.id, ended: code, message });
  },
});
await app.listen(0, '127.0.0.1');
const server = app.getHttpServer();
process.on('message', (question) => {
  if (question === 'census') {
    server.closeIdleConnections();
    tell({ census: census(app, sessions) });
  } else if (question === 'usage') {
    tell({ usage: { ...process.memoryUsage(), ...process.cpuUsage() } });
  } else if (question === 'close') {
    for (const drain of app.get(runner.RunnerDrain, { strict: false, each: true })) {
      drain.expedite();
    }
    void app.close().then(() => {
      tell({ closed: Date.now() });
      process.disconnect();
    });
  }
});
tell({ port: server.address().port });

/** Loads the bot as CommonJS, within this package, whose build it requires by name. */
async function requireBot() {
  const { default: ts } = await import('typescript');
  const compilerOptions = { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022 };
  const { outputText } = ts.transpileModule(readFileSync(botFile, 'utf8'), { compilerOptions });
  mkdirSync('.scratch', { recursive: true });
  writeFileSync('.scratch/support-bot.cjs', outputText);
  return createRequire(import.meta.url)('../../../.scratch/support-bot.cjs');
}
