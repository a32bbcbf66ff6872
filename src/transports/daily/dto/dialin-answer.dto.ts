import { ApiField } from '../../../validation/api-field.decorator.js';

/** Answer to a dial-in webhook: the room and token for the call. */
export class DialinAnswer {
  @ApiField({ type: String, description: 'The URL of the room for the caller.', format: 'uri' })
  dailyRoom!: string;

  @ApiField({ type: String, description: 'The meeting token for the room.' })
  dailyToken!: string;

  @ApiField({ type: String, description: 'The session, and the `session_id` of the bot.' })
  sessionId!: string;
}

/** Answer to the ping that Daily sends while the webhook is being configured. */
export class DialinPingAnswer {
  @ApiField({ type: String, enum: ['OK'], description: 'The webhook is reachable.' })
  status!: 'OK';
}
