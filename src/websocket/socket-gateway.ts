import type { IncomingMessage } from 'node:http';
import { RunnerLogger } from '../errors/runner-logger.js';
import { textOfThrown } from '../errors/thrown.js';
import type { RunnerWebSocket } from './runner-web-socket.js';
import type { SocketSessions } from './socket-sessions.js';

/** A gateway of the runner. What it throws closes the socket; under bare Nest it would end the process. */
export abstract class SocketGateway {
  protected abstract readonly sockets: SocketSessions;

  /** Whether anybody is let in, as opposed to a runner that is restricted to another transport. */
  protected abstract get isOn(): boolean;

  /** Takes a new connection, whose frames are held until somebody listens. */
  protected abstract accept(
    socket: RunnerWebSocket,
    request: IncomingMessage,
  ): Promise<void> | void;

  afterInit(): void {
    if (this.isOn) this.sockets.warnIfOpen();
  }

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
