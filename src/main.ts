#!/usr/bin/env node
import 'reflect-metadata';
import type { Server } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { type INestApplication, Logger } from '@nestjs/common';
import { HttpAdapterHost, NestFactory } from '@nestjs/core';
import { loadBot } from './bot/load-bot.js';
import { DownloadsModule } from './downloads/downloads.module.js';
import { textOfThrown } from './errors/thrown.js';
import { RunnerExceptionFilter } from './http/runner-exception.filter.js';
import { MetricsModule } from './metrics/metrics.module.js';
import { OpenApiModule } from './openapi/openapi.module.js';
import { SwaggerPackage } from './openapi/runner-api.js';
import { optionalPackage } from './packages.js';
import { ProcessBotLauncher } from './process/process-bot-launcher.js';
import type { RunnerModuleExtras } from './runner-module.options.js';
import { RunnerModule } from './runner.module.js';
import { banner } from './standalone/banner.js';
import { EchoBot } from './standalone/echo.bot.js';
import { cliArgsOf } from './standalone/cli-args.js';
import { environmentOfBots, loadEnvironment } from './standalone/environment.js';
import { fleetLine, fleetOf } from './standalone/fleet-flags.js';
import { type Flags, parseFlags, splitList } from './standalone/flags.js';
import { SessionStarter } from './transports/session-starter.js';
import { TransportRegistry } from './transports/transport-registry.js';
import { StandaloneLogger } from './standalone/standalone-logger.js';
import { standaloneTransports, TRANSPORT_NAMES } from './standalone/transports.js';

/** Time-out of receiving a request, in milliseconds; Node's default. */
const REQUEST_TIMEOUT_MS = 300_000;
/** Longest time in which the application closes after a start that failed, in milliseconds. */
const CLOSE_TIMEOUT_MS = 5_000;

/** The application, as soon as there is one. */
let created: INestApplication | undefined;

async function main(): Promise<void> {
  // A closed pipe or a full disk must not end sessions.
  for (const output of [process.stdout, process.stderr]) output.on('error', () => undefined);
  loadEnvironment(process.env);
  const flags = parseFlags(process.argv.slice(2), TRANSPORT_NAMES, process.env);
  // Keys are no flags, because other users of the machine and bots could read flags.
  const { PIPECAT_PUBLIC_KEYS = '', PIPECAT_PRIVATE_KEYS = '' } = process.env;
  const { FastifyAdapter } = await import('@nestjs/platform-fastify').catch(() => {
    throw new Error('The standalone runner needs Fastify: npm install @nestjs/platform-fastify');
  });
  const { downloadsFolder: folder } = flags;
  const cliArgs = cliArgsOf(flags);
  const app = await NestFactory.create(
    RunnerModule.forRoot({
      ...(await botOf(flags, environmentOfBots(process.env))),
      ...fleetOf(flags, process.env),
      transports: standaloneTransports(flags, process.env),
      features: [
        OpenApiModule.forRoot(),
        ...(folder === undefined ? [] : [DownloadsModule.forRoot({ folder })]),
        ...((await optionalPackage('prom-client', () => import('prom-client')))
          ? [MetricsModule.forRoot()]
          : []),
      ],
      publicUrl: flags.proxy,
      allowedOrigins: flags.allowedOrigins,
      webSocketBody: flags.runnerBody?.content,
      webSocketAuth: flags.wsAuth,
      uploads: {
        folder: flags.uploadsFolder,
        // As in Pipecat's own runner, 0 keeps all.
        maxFiles: flags.uploadsFolderMaxFiles || Infinity,
      },
      publicKeys: splitList([PIPECAT_PUBLIC_KEYS]),
      privateKeys: splitList([PIPECAT_PRIVATE_KEYS]),
      drainTimeoutMs: flags.drainTimeout * 1_000,
      recycleAfterSessions: flags.recycleAfterSessions,
      recycleMemoryBytes: flags.recycleMemory && flags.recycleMemory * 1_000_000,
      onlyTransport: flags.meeting ?? flags.transport,
      cliArgs,
      console: true,
    }),
    // Fastify's default is no time-out.
    new FastifyAdapter({ requestTimeout: REQUEST_TIMEOUT_MS }),
    { logger: new StandaloneLogger(flags.verbose), abortOnError: false },
  );
  created = app;
  // Without routes of a host, all errors can have the runner's format.
  app.useGlobalFilters(new RunnerExceptionFilter(app.get(HttpAdapterHost)));
  // Exit code 0 after a graceful shutdown, instead of the signal's.
  app.enableShutdownHooks([], { useProcessExit: true });
  if (flags.meeting !== undefined) return meetDirectly(app, flags.meeting);
  const http = app.getHttpAdapter();
  http.get('/', (_request: unknown, reply: unknown) => void http.redirect(reply, 302, 'client/'));
  await app.listen(flags.port, flags.host);
  const transports = app.get(TransportRegistry, { strict: false });
  const address = (app.getHttpServer() as Server).address();
  const port = typeof address === 'object' && address ? address.port : flags.port;
  cliArgs.port = port;
  process.stdout.write(
    `${banner({
      url: `http://${flags.host.includes(':') ? `[${flags.host}]` : flags.host}:${port}`,
      hasDocs: app.get(SwaggerPackage, { strict: false }).isInstalled,
      enabled: transports.accepted,
      disabled: transports.disabled,
      wsAuth: flags.wsAuth,
      allowedOrigins: flags.allowedOrigins,
      bot: flags.bot ?? 'built-in echo',
      fleet: fleetLine(flags),
    })}\n`,
  );
}

/** Returns the bot and the storage that it brings along. The launcher: processes with a warm pool of one for Python bots and `--isolate`, otherwise the module itself. */
async function botOf(
  { bot, botArgs, isolate }: Flags,
  env: NodeJS.ProcessEnv,
): Promise<Pick<RunnerModuleExtras, 'launcher' | 'fileStorage'>> {
  if (bot === undefined) return { launcher: EchoBot };
  const isPython = bot.endsWith('.py');
  if (isPython || isolate) {
    const program = isPython ? { python: bot } : { module: bot };
    const launcher = new ProcessBotLauncher({ ...program, botArgs, env, warmProcesses: 1 });
    const fileStorage = await launcher.fileStorage();
    return {
      launcher: { useValue: launcher },
      ...(fileStorage && { fileStorage: { useValue: fileStorage } }),
    };
  }
  const loaded = await loadBot(bot);
  return { launcher: typeof loaded === 'function' ? loaded : { useValue: loaded } };
}

/** Runs one session in a room of Daily or Vonage, then exits. */
async function meetDirectly(
  app: INestApplication,
  transport: NonNullable<Flags['meeting']>,
): Promise<void> {
  await app.init();
  const starter = app.get(SessionStarter, { strict: false });
  const createDailyRoom = transport === 'daily';
  const room = await starter.startSession({ transport, createDailyRoom });
  process.stdout.write(
    createDailyRoom
      ? `Joining Daily room: ${room.dailyRoom}\n`
      : `Joining Vonage session: ${room.vonageSessionId}\n`,
  );
  await room.ended;
  await app.close();
}

main().catch(async (error: unknown) => {
  new Logger('PipecatRunner').fatal(textOfThrown(error).message);
  // Its fleet counts on this node until it leaves.
  const closed = created?.close().catch(() => undefined);
  await Promise.race([closed, sleep(CLOSE_TIMEOUT_MS)]);
  // Connections, such as those of the fleet, would keep the process alive.
  process.exit(1);
});
