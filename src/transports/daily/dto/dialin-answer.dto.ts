import { ApiField } from '../../../validation/api-field.decorator.js';

/** What Daily is told: where the call goes. */
export class DialinAnswer {
  @ApiField({ type: String, description: 'The room the caller is put into.', format: 'uri' })
  dailyRoom!: string;

  @ApiField({ type: String, description: 'A token to join it with.' })
  dailyToken!: string;

  @ApiField({ type: String, description: 'The session, and the `session_id` of the bot.' })
  sessionId!: string;
}

/** What Daily is told while the webhook is being configured. */
export class DialinPingAnswer {
  @ApiField({ type: String, enum: ['OK'], description: 'That the webhook is there.' })
  status!: 'OK';
}
