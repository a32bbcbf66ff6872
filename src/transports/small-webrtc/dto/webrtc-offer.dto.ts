import {
  Allow,
  IsBoolean,
  IsIn,
  IsOptional,
  IsString,
  Matches,
  MaxLength,
  MinLength,
} from 'class-validator';
import { ApiField } from '../../../validation/api-field.decorator.js';
import { Verbatim } from '../../../validation/verbatim.decorator.js';

/** Longest accepted SDP, in characters; browsers' offers have some 10,000. */
const MAX_SDP_LENGTH = 100_000;

/** Body of `POST /api/offer`: the first offer of a connection, or a renegotiation. */
export class WebRtcOffer {
  /** SDP of the offer, as the browser made it. */
  @IsString({ message: 'sdp must be a string: the session description of the offer' })
  @MinLength(1, { message: 'sdp must not be empty' })
  @MaxLength(MAX_SDP_LENGTH, { message: `sdp must have at most ${MAX_SDP_LENGTH} characters` })
  @ApiField({ description: 'The SDP of the offer, as the browser made it.' })
  sdp!: string;

  @IsIn(['offer'], { message: "type must be 'offer'" })
  @ApiField({ description: 'The type of the session description.', enum: ['offer'] })
  type!: string;

  /** Id of the connection to renegotiate. Unset or unknown, a new connection is created. */
  @IsOptional()
  @IsString({ message: 'pc_id must be a string: the one that the first answer gave' })
  @ApiField({ required: false, description: 'The id of the connection to renegotiate.' })
  pc_id?: string;

  /** Replaces the peer connection, with the same bot. */
  @IsOptional()
  @IsBoolean({ message: 'restart_pc must be true or false' })
  @ApiField({ required: false, description: 'Replaces the peer connection, with the same bot.' })
  restart_pc?: boolean;

  /** The `body` of the bot. `null` and `{}` count as none: then that of `/start` stands. */
  @Verbatim()
  @Allow()
  @ApiField({
    required: false,
    type: Object,
    description: 'The body of the bot. null and {} count as none: then that of /start stands.',
  })
  request_data?: unknown;

  /** Alias of `request_data`, used by the published clients. */
  @Verbatim()
  @Allow()
  @ApiField({ required: false, type: Object, description: 'An alias of request_data.' })
  requestData?: unknown;
}

/** Query of `POST /api/offer`. */
export class OfferQuery {
  /** Session id of the bot. */
  @IsOptional()
  @Matches(/^[\w-]{1,64}$/, { message: 'session_id must be 1 to 64 of A-Z a-z 0-9 _ -' })
  session_id?: string;
}
