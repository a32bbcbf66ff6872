import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import {
  ProcessBotLauncher,
  type ProcessBotOptions,
  RunnerModule,
  type RunnerModuleExtras,
  type RunnerOptions,
  type Session,
  type SessionEnd,
  SessionRegistry,
  TelephonyModule,
  WebSocketModule,
} from '../../src/index.js';
import { startHost, type TestHost } from '../../src/testing/index.js';
import { BotProcess } from '../../src/process/bot-process.js';
import { resolveProcessBotOptions } from '../../src/process/process-bot.options.js';
import { Lines } from './lines.js';
import { closeOf, connect } from './runner-app.js';

/** A host whose bots have processes of their own. */
export class ProcessHost {
  readonly lines = new Lines();
  /** Those whose caller came, or whose bot was started. */
  readonly sessions: Session[] = [];

  private constructor(readonly host: TestHost) {}

  static async start(
    program: ProcessBotOptions,
    options: RunnerOptions & RunnerModuleExtras = {},
  ): Promise<ProcessHost> {
    const lines = new Lines();
    const host = await startHost(
      RunnerModule.forRoot({
        launcher: { useFactory: () => new ProcessBotLauncher(program) },
        transports: [WebSocketModule.forRoot(), TelephonyModule.forRoot()],
        ...options,
      }),
      { configure: (app) => app.useLogger(lines) },
    );
    const it = Object.assign(new ProcessHost(host), { lines });
    it.registry.observers.add({
      changed: (session) => void (session.state.name === 'launching' && it.sessions.push(session)),
    });
    return it;
  }

  get registry(): SessionRegistry {
    return this.host.app.get(SessionRegistry, { strict: false });
  }

  /** A raw socket to a bot that finds this in its `body`. */
  async open(body: object, headers: Record<string, string> = {}): Promise<WebSocket> {
    const { wsUrl } = await this.host.start({ transport: 'websocket', body });
    return connect(String(wsUrl), { headers });
  }

  /** End of the session of a bot with this `body`. */
  async endOf(body: object): Promise<SessionEnd> {
    await closeOf(await this.open(body));
    return this.sessions.at(-1)!.ended;
  }
}

/**
 * Has an obedient bot send much and return, while the runner's end of its WebSocket is not read but written to.
 * @returns how many of the messages were heard
 */
export async function floodUnread(program: ProcessBotOptions, count: number): Promise<number> {
  const bot = new BotProcess(resolveProcessBotOptions(program));
  await bot.loaded;
  const body = { do: 'flood', count, bytes: 20_000, leavesBehind: true };
  bot.send({
    type: 'start',
    session: { id: 'flooding', transport: 'websocket', claims: {} },
    args: { type: 'WebSocketRunnerArguments', transport_type: 'websocket', body },
    handshake: [],
    canHangUp: false,
  });
  const socket = new WebSocket('ws://bot/', { createConnection: () => bot.socket });
  socket.on('error', () => undefined);
  let heard = 0;
  socket.on('message', (data: Buffer) => {
    if (data.length === 20_000) heard++;
  });
  await once(socket, 'message');
  socket.pause();
  // Time for a process that does not wait to go.
  await Promise.race([bot.exited, sleep(500)]);
  await new Promise((resolve) => socket.send('never read', resolve));
  socket.resume();
  await once(socket, 'close');
  await bot.exited;
  return heard;
}

export const isAlive = (pid: number): boolean =>
  existsSync(`/proc/${pid}`) && !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));

/** Resolves once a process is no more. */
export async function gone(pid: number): Promise<void> {
  while (isAlive(pid)) await sleep(20);
}

/** The processes that one has started, and those that they have. */
export function descendantsOf(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ');
  return children
    .filter(Boolean)
    .map(Number)
    .flatMap((child) => [child, ...descendantsOf(child)]);
}
