import { IsObject } from 'class-validator';
import type { WebSocket } from 'ws';
import { LiveField, setLiveField, WireClass } from '../bot/wire-classes.js';
import { type Init, RunnerArguments } from '../bot/runner-arguments.js';
import { isInstance } from '../errors/thrown.js';
import { OptionalString } from '../validation/optional-fields.decorators.js';
import { RunnerWebSocket } from './runner-web-socket.js';
import type { UpgradeRequest } from './upgrade-request.js';

/** Arguments of a bot on a WebSocket: a plain client's or a carrier's. */
@WireClass('WebSocketRunnerArguments')
export class WebSocketRunnerArguments extends RunnerArguments {
  /** Open connection. Frames are buffered until the first `message` listener. */
  @LiveField()
  @IsObject({ message: 'websocket must be an open WebSocket' })
  websocket!: WebSocket;

  /** `websocket` for plain clients, else the carrier: `twilio`, `telnyx`, `plivo`, `exotel`. */
  @OptionalString('`websocket` for plain clients, else the name of the carrier.', {
    example: 'twilio',
  })
  transport_type?: string;

  /** Upgrade request of the peer, without the runner's tokens; `undefined` for a socket that is not the runner's own. */
  get upgrade(): UpgradeRequest | undefined {
    return isInstance(this.websocket, RunnerWebSocket) ? this.websocket.upgrade : undefined;
  }

  constructor(init?: Init<WebSocketRunnerArguments, 'websocket'>) {
    const { websocket, ...rest } = init ?? {};
    super(rest);
    setLiveField(this, 'websocket', websocket);
  }
}
