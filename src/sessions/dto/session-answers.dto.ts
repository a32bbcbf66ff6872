import { ApiField } from '../../validation/api-field.decorator.js';
import { SessionInfo } from './session-info.dto.js';

/** The answer of `GET /sessions`. */
export class SessionList {
  @ApiField({ type: Number, description: 'How many there are, beside those shown.' })
  total_count!: number;

  @ApiField({ type: () => SessionInfo, isArray: true, description: 'Those asked for.' })
  sessions!: SessionInfo[];
}

/** The answer of `DELETE /sessions/:id`. */
export class StopAnswer {
  @ApiField({ type: String, enum: ['terminated'], description: 'That it has ended.' })
  status!: 'terminated';

  @ApiField({ type: String, description: 'The session.' })
  session_id!: string;
}
