import {
  ArrayMaxSize,
  IsArray,
  IsInt,
  IsOptional,
  IsString,
  MaxLength,
  Min,
} from 'class-validator';
import { ApiField } from '../../../validation/api-field.decorator.js';
import { Verbatim } from '../../../validation/verbatim.decorator.js';

/** The most ICE candidates in one request. */
const MAX_CANDIDATES = 100;

/** ICE candidate of the client. */
export class IceCandidate {
  /** Candidate line; an empty one is the end of candidates. */
  @IsString({ message: 'candidate must be a string: the line of an ICE candidate' })
  @MaxLength(500, { message: 'candidate must have at most 500 characters' })
  @ApiField({ description: 'The candidate line; an empty one is the end of candidates.' })
  candidate!: string;

  /** The `mid` of its media section. */
  @IsOptional()
  @IsString({ message: 'sdp_mid must be a string: the mid of a media section' })
  @ApiField({ required: false, description: 'The mid of its media section.' })
  sdp_mid?: string;

  /** Index of its media section (`sdpMLineIndex`), from 0. */
  @IsOptional()
  @IsInt({ message: 'sdp_mline_index must be a whole number: that of a media section, from 0' })
  @Min(0, { message: 'sdp_mline_index must not be negative' })
  @ApiField({
    required: false,
    description: 'The index of its media section (sdpMLineIndex), from 0.',
  })
  sdp_mline_index?: number;
}

/** Trickle ICE: the body of `PATCH /api/offer`. */
export class IceCandidates {
  /** Connection id from the answer. */
  @IsString({ message: 'pc_id must be a string: the one that the answer gave' })
  @ApiField({ description: 'The connection id from the answer.' })
  pc_id!: string;

  @Verbatim()
  @IsArray({ message: 'candidates must be a list of { candidate, sdp_mid, sdp_mline_index }' })
  @ArrayMaxSize(MAX_CANDIDATES, { message: `candidates must be at most ${MAX_CANDIDATES}` })
  @ApiField({
    type: () => IceCandidate,
    isArray: true,
    description: 'The ICE candidates.',
  })
  candidates!: unknown[];
}
