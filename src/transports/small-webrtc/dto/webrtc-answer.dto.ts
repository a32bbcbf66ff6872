import { ApiField } from '../../../validation/api-field.decorator.js';

/** The answer to an offer. */
export class WebRtcAnswer {
  @ApiField({ type: String, description: 'The session description of the bot.' })
  sdp!: string;

  @ApiField({ type: String, enum: ['answer'], description: 'What kind of description it is.' })
  type!: 'answer';

  @ApiField({
    type: String,
    description: 'Names the connection in what the client sends next.',
    example: 'SmallWebRTCConnection#0-5d1e1a4f0b0e4c7d9c1e8f3f5b2a7d60',
  })
  pc_id!: string;
}

/** What a client is told of the candidates it sent. */
export class CandidatesAnswer {
  @ApiField({ type: String, enum: ['success'], description: 'That they were taken.' })
  status!: 'success';
}
