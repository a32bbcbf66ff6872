import type { IncomingMessage } from 'node:http';
import { RunnerLogger } from '../errors/runner-logger.js';
import { textOfThrown } from '../errors/thrown.js';
import type { RunnerWebSocket } from './runner-web-socket.js';
import type { SocketSessions } from './socket-sessions.js';

/**
 * The base of gateways with `@RunnerGateway(path)`. It admits a socket to a session and launches the bot. An error of {@link accept} closes the
 * socket with 1011 and is logged.
 *
 * @example
 * ```ts
 * @RunnerGateway('pcm')
 * export class PcmGateway extends SocketGateway {
 *   constructor(protected readonly sockets: SocketSessions, private readonly sessions: SessionRegistry) { super(); }
 *
 *   protected async accept(socket: RunnerWebSocket, request: IncomingMessage): Promise<void> {
 *     const session = await this.sockets.admit(socket, request, { transports: ['pcm'], openAs: 'pcm' });
 *     if (session) this.sessions.launch(session, new PcmRunnerArguments({ websocket: socket }));
 *   }
 * }
 * ```
 */
export abstract class SocketGateway {
  protected abstract readonly sockets: SocketSessions;

  /** Whether anybody is let in, as opposed to a runner that is restricted to another transport. @default true */
  protected get isOn(): boolean {
    return true;
  }

  /**
   * Accepts a new connection. Its frames are buffered until the bot listens.
   * @param request the HTTP request of its upgrade
   */
  protected abstract accept(
    socket: RunnerWebSocket,
    request: IncomingMessage,
  ): Promise<void> | void;

  /** Nest calls it when the gateway is bound. */
  afterInit(): void {
    if (this.isOn) this.sockets.warnIfOpen();
  }

  /** Nest calls it for each connection. */
  async handleConnection(socket: RunnerWebSocket, request: IncomingMessage): Promise<void> {
    try {
      await this.accept(socket, request);
    } catch (thrown) {
      const { text, stack } = textOfThrown(thrown);
      new RunnerLogger('PipecatRunner').error(text, stack);
      socket.close(1011, 'the runner failed');
    }
  }
}
