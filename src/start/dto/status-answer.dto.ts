import { ApiField } from '../../validation/api-field.decorator.js';

/** What `GET /status` answers. */
export class StatusAnswer {
  @ApiField({ type: String, enum: ['ready'], description: 'That the runner is up.' })
  status!: 'ready';

  @ApiField({
    type: String,
    isArray: true,
    description: 'What `POST /start` accepts as `transport`.',
    example: ['websocket', 'daily'],
  })
  transports!: string[];
}
