import type { WebSocket } from 'ws';
import type { BotSession } from '../bot/bot-launcher.js';
import type { RunnerArguments } from '../bot/runner-arguments.js';
import { botFailed, SessionEnd } from '../bot/session-end.js';
import { textOfThrown } from '../errors/thrown.js';
import type { Session } from '../sessions/session.js';
import { contextOf, type SessionContext } from '../sessions/session-context.js';
import { FolderFileStorage } from '../uploads/folder-file-storage.js';
import { RunnerWebSocket } from '../websocket/runner-web-socket.js';
import { WebSocketRunnerArguments } from '../websocket/websocket-runner-arguments.js';
import type { BotMessage } from './bot-messages.js';
import { type BotProcess, OUTPUT_GRACE_MS } from './bot-process.js';
import type { ResolvedProcessBotOptions } from './process-bot.options.js';
import { RequestRelay } from './request-relay.js';
import { SocketRelay } from './socket-relay.js';

/** Timeout for the last messages of a bot that is done, in milliseconds. Its host has the same. */
const FLUSH_TIMEOUT_MS = 2_000;
/** Timeout for a process that broke its connection to exit, or to say why, in milliseconds. */
const BROKEN_TIMEOUT_MS = 30_000;
/** The most transfers of a conversation. */
const MAX_TRANSFERS = 20;

type Outcome = Extract<BotMessage, { type: 'done' | 'failed' }>;

/** Runner's side of a conversation in a bot process. */
export class BotRun {
  /** Settles like the bot's `launch()`, when its process has exited. */
  readonly over: Promise<void>;
  /** Session context, with capabilities beyond a bot's. */
  private readonly context: SessionContext;
  private readonly session: Session | undefined;
  private started = false;
  private hangingUp = false;
  private transferring = false;
  private transfers = 0;
  /** Last message of the bot about its conversation. */
  private outcome: Outcome | undefined;
  private isFaulty = false;
  private relay: SocketRelay | undefined;
  private requests: RequestRelay | undefined;
  private stopTimer: NodeJS.Timeout | undefined;
  private relayTimer: NodeJS.Timeout | undefined;

  constructor(
    private readonly process: BotProcess,
    private readonly args: RunnerArguments,
    private readonly botSession: BotSession,
    private readonly options: ResolvedProcessBotOptions,
  ) {
    this.context = contextOf(args);
    this.session = this.context.session;
    process.logger = botSession.logger;
    process.onMessage = (message) => this.receive(message);
    // No grace period after the end of the session.
    this.session?.onEnd(async () => {
      process.kill('SIGKILL');
      await process.exited;
    });
    this.over = this.run();
  }

  private async run(): Promise<void> {
    const { process, botSession } = this;
    const { signal } = botSession;
    const stop = (): void => this.stop(signal.reason as SessionEnd);
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
    let how: string;
    try {
      await process.loaded;
      if (!signal.aborted) this.start();
      how = `The process of the bot ${await process.exited}.`;
      await this.relay?.finish(OUTPUT_GRACE_MS);
    } catch (thrown) {
      how = textOfThrown(thrown).message;
    } finally {
      clearTimeout(this.stopTimer);
      clearTimeout(this.relayTimer);
      signal.removeEventListener('abort', stop);
      process.kill('SIGKILL');
      // Without a relay, or for one that failed.
      void process.exited.then(() => process.release());
      this.requests?.close();
    }
    this.settle(how);
  }

  private start(): void {
    const { args, process, botSession } = this;
    const { id, transport, bot, claims } = botSession;
    this.started = true;
    const { peer } = this.context;
    try {
      this.requests = new RequestRelay();
    } catch (thrown) {
      const { message } = textOfThrown(thrown);
      botSession.logger.warn(`the bot cannot take requests to its session: ${message}`);
    }
    const { file_storage } = args;
    const websocket = args instanceof WebSocketRunnerArguments ? args.websocket : undefined;
    const own = websocket instanceof RunnerWebSocket ? websocket : undefined;
    process.send({
      type: 'start',
      session: { id, transport, bot, claims },
      args: args.toJSON(),
      handshake: own?.handshake ?? [],
      ...(args instanceof WebSocketRunnerArguments && { upgrade: args.upgrade }),
      requests: this.requests?.path,
      canHangUp: this.context.hangUp !== undefined,
      ...(this.context.transfer && { canTransfer: true }),
      ...(peer && { peer: peer.config }),
      ...(own?.isAnswered && { isAnswered: true }),
      ...(file_storage instanceof FolderFileStorage && { uploadsFolder: file_storage.folder }),
    });
    peer?.connectTo((request) => process.send(request));
    if (websocket) this.relay = this.relayOf(websocket);
  }

  /** Creates the relay. A process that breaks its connection is done, or has crashed: its last message or its exit says which. */
  private relayOf(websocket: WebSocket): SocketRelay {
    const { process } = this;
    return new SocketRelay(websocket, process.socket, {
      faulty: (problem) => {
        this.isFaulty = true;
        process.kill('SIGKILL', problem);
      },
      broken: () => {
        if (this.outcome) return;
        const kill = (): void => process.kill('SIGKILL', 'broke the connection of its WebSocket');
        this.relayTimer = setTimeout(kill, BROKEN_TIMEOUT_MS);
      },
    });
  }

  private receive(message: BotMessage): void {
    // The outcome was sent before.
    if (this.outcome) return;
    switch (message.type) {
      case 'ready':
        this.context.onReady?.(message);
        return this.botSession.ready();
      case 'stop':
        return void this.session?.end(new SessionEnd(message.code, message.message));
      case 'leaving':
        return this.session?.leaves(new SessionEnd('completed', message.message));
      case 'hang_up':
        return void this.hangUp();
      case 'transfer':
        return void this.transfer(message);
      case 'answer':
      case 'peer':
        return this.context.peer?.receive(message);
      case 'requests':
        return this.requests && this.botSession.onRequest(this.requests.answer);
      case 'terminate':
        return this.args instanceof WebSocketRunnerArguments
          ? this.args.websocket.terminate()
          : undefined;
      case 'done':
        return this.conclude(message, new SessionEnd('completed', 'The bot returned.'));
      case 'failed':
        return this.conclude(message, botFailed(errorOf(message)));
    }
  }

  /** Decides the end of the session. The process exits by itself after its last messages, unless something of the bot's keeps it alive. */
  private conclude(outcome: Outcome, end: SessionEnd): void {
    const { process, relay } = this;
    this.outcome = outcome;
    const over = (): void => {
      if (!this.isFaulty) this.session?.decide(end);
      process.killAfterGrace();
    };
    if (!relay) return over();
    // Messages of a bot that has returned are still to be read, and one can be faulty.
    if (outcome.type === 'done') this.session?.leaves(end);
    else this.session?.decide(end);
    clearTimeout(this.relayTimer);
    this.relayTimer = setTimeout(over, FLUSH_TIMEOUT_MS);
    void relay.ended.then(over);
  }

  /** Hangs up. Idempotent. */
  private async hangUp(): Promise<void> {
    const { hangUp } = this.context;
    if (!hangUp || this.hangingUp) return;
    this.hangingUp = true;
    this.session?.leaves(new SessionEnd('completed', 'The bot hung up.'));
    this.process.send({ type: 'hung_up', ...(await hangUp()) });
  }

  /** Transfers the call, one at a time and a limited number of times, since each is a request to the carrier's API. */
  private async transfer({
    target,
    callerId,
  }: Extract<BotMessage, { type: 'transfer' }>): Promise<void> {
    const { transfer } = this.context;
    if (!transfer || this.transferring || this.transfers === MAX_TRANSFERS) return;
    this.transferring = true;
    this.transfers++;
    const outcome = await transfer(target, { callerId });
    this.transferring = false;
    this.process.send({ type: 'transferred', ...outcome });
  }

  private stop({ code, message }: SessionEnd): void {
    const { process, options, botSession } = this;
    if (this.outcome) return;
    if (!this.started) return process.kill('SIGKILL');
    process.send({ type: 'stop', code, message });
    this.stopTimer = setTimeout(() => {
      botSession.logger.warn(`the bot did not end within ${options.stopGraceMs} ms; killing it`);
      process.kill('SIGTERM');
    }, options.stopGraceMs);
  }

  /** @throws the error of `launch()` in the process, or an exit without outcome */
  private settle(how: string): void {
    const { outcome, context, botSession } = this;
    if (outcome?.type === 'done' && !this.isFaulty) {
      context.mediaStats = outcome.stats;
    } else if (outcome?.type === 'failed') {
      throw errorOf(outcome);
    } else if (!botSession.signal.aborted) {
      throw this.fail(how);
    }
  }

  /** Ends the session with a more specific message than that the bot failed. */
  private fail(message: string): Error {
    this.botSession.logger.error(message);
    void this.session?.end(new SessionEnd('failed', message));
    return this.session?.ending ?? new Error(message);
  }
}

/** Returns the error of `launch()` in the process. The message already has its name. */
const errorOf = ({ message, stack }: Extract<Outcome, { type: 'failed' }>): Error =>
  Object.assign(new Error(message), { name: '', stack });
