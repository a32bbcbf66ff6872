import {
  Allow,
  IsBoolean,
  IsIn,
  IsOptional,
  IsString,
  MaxLength,
  MinLength,
} from 'class-validator';
import { ApiField } from '../../../validation/api-field.decorator.js';
import { Verbatim } from '../../../validation/verbatim.decorator.js';

/** The longest SDP that is read, in characters; browsers' have some 10,000. */
const MAX_SDP_LENGTH = 100_000;

/** What a client sends to `POST /api/offer`, to begin a conversation or to change its media. */
export class WebRtcOffer {
  /** The session description, as the browser made it. */
  @IsString({ message: 'sdp must be a string: the session description of the offer' })
  @MinLength(1, { message: 'sdp must not be empty' })
  @MaxLength(MAX_SDP_LENGTH, { message: `sdp must have at most ${MAX_SDP_LENGTH} characters` })
  @ApiField({ description: 'The session description, as the browser made it.' })
  sdp!: string;

  @IsIn(['offer'], { message: "type must be 'offer'" })
  @ApiField({ description: 'What kind of description it is.', enum: ['offer'] })
  type!: string;

  /** The connection to change; unset or unknown, there is a new one. */
  @IsOptional()
  @IsString({ message: 'pc_id must be a string: the one that the first answer gave' })
  @ApiField({ required: false, description: 'The connection to change.' })
  pc_id?: string;

  /** Whether the connection is made anew, under the same bot. */
  @IsOptional()
  @IsBoolean({ message: 'restart_pc must be true or false' })
  @ApiField({ required: false, description: 'Whether the connection is made anew.' })
  restart_pc?: boolean;

  /** Whatever the bot is to find in its `body`. */
  @Verbatim()
  @Allow()
  @ApiField({
    required: false,
    type: Object,
    description: 'Whatever the bot is to find in its body.',
  })
  request_data?: unknown;

  /** The same under the name that the published clients use. */
  @Verbatim()
  @Allow()
  @ApiField({ required: false, type: Object, description: 'The same as request_data.' })
  requestData?: unknown;
}
