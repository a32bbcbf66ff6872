import { ApiField } from '../../validation/api-field.decorator.js';
import { SessionInfo } from './session-info.dto.js';

/** Answer of `GET /sessions`. */
export class SessionList {
  @ApiField({ type: Number, description: 'The total number of sessions, beside the page shown.' })
  total_count!: number;

  @ApiField({ type: () => SessionInfo, isArray: true, description: 'The sessions of the page.' })
  sessions!: SessionInfo[];
}

/** Answer of `DELETE /sessions/:id`. */
export class StopAnswer {
  @ApiField({ type: String, enum: ['terminated'], description: 'The session has ended.' })
  status!: 'terminated';

  @ApiField({ type: String, description: 'The session id.' })
  session_id!: string;
}
