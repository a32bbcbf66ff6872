import { ApiField } from '../../validation/api-field.decorator.js';

/** Answer of `GET /status`. */
export class StatusAnswer {
  @ApiField({
    type: String,
    enum: ['ready', 'overloaded', 'draining'],
    description: 'True when new sessions are admitted.',
  })
  status!: 'ready' | 'overloaded' | 'draining';

  @ApiField({
    type: String,
    isArray: true,
    description: 'The values of `transport` that `POST /start` accepts.',
    example: ['websocket', 'daily'],
  })
  transports!: string[];
}
