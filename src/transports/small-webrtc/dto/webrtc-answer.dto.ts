import { ApiField } from '../../../validation/api-field.decorator.js';

/** The answer to an offer. */
export class WebRtcAnswer {
  @ApiField({ type: String, description: 'The SDP of the bot.' })
  sdp!: string;

  @ApiField({ type: String, enum: ['answer'], description: 'The type of the session description.' })
  type!: 'answer';

  @ApiField({
    type: String,
    description: 'The connection id, for renegotiation and ICE candidates.',
    example:
      'SmallWebRTCConnection#8c6a1f0e-7f2b-4d35-9a57-0a4f1f3f6b10-5d1e1a4f0b0e4c7d9c1e8f3f5b2a7d60',
  })
  pc_id!: string;
}

/** Answer to added ICE candidates. */
export class CandidatesAnswer {
  @ApiField({ type: String, enum: ['success'], description: 'The candidates were added.' })
  status!: 'success';
}
