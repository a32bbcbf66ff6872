import { ApiField } from '../../validation/api-field.decorator.js';

/** The answer of `GET /status`. */
export class StatusAnswer {
  @ApiField({
    type: String,
    enum: ['ready', 'overloaded', 'draining'],
    description: 'Whether it takes new sessions.',
  })
  status!: 'ready' | 'overloaded' | 'draining';

  @ApiField({
    type: String,
    isArray: true,
    description: 'What `POST /start` accepts as `transport`.',
    example: ['websocket', 'daily'],
  })
  transports!: string[];
}
