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

/** So many candidates fit into one request. */
const MAX_CANDIDATES = 100;

/** A way on which the client may be reached. */
export class IceCandidate {
  /** The candidate's line; an empty one says that there are no more. */
  @IsString({ message: 'candidate must be a string: the line of an ICE candidate' })
  @MaxLength(500, { message: 'candidate must have at most 500 characters' })
  @ApiField({ description: "The candidate's line; an empty one says that there are no more." })
  candidate!: string;

  /** The `mid` of the media section it belongs to. */
  @IsOptional()
  @IsString({ message: 'sdp_mid must be a string: the mid of a media section' })
  @ApiField({ required: false, description: 'The mid of the media section it belongs to.' })
  sdp_mid?: string;

  /** The number of that section, from 0. */
  @IsOptional()
  @IsInt({ message: 'sdp_mline_index must be a whole number: that of a media section, from 0' })
  @Min(0, { message: 'sdp_mline_index must not be negative' })
  @ApiField({ required: false, description: 'The number of that section, from 0.' })
  sdp_mline_index?: number;
}

/** What a client sends to `PATCH /api/offer` as it finds more ways to be reached. */
export class IceCandidates {
  /** The connection, as the answer to its offer named it. */
  @IsString({ message: 'pc_id must be a string: the one that the answer gave' })
  @ApiField({ description: 'The connection, as the answer to its offer named it.' })
  pc_id!: string;

  @Verbatim()
  @IsArray({ message: 'candidates must be a list of { candidate, sdp_mid, sdp_mline_index }' })
  @ArrayMaxSize(MAX_CANDIDATES, { message: `candidates must be at most ${MAX_CANDIDATES}` })
  @ApiField({
    type: () => IceCandidate,
    isArray: true,
    description: 'The ways it found.',
  })
  candidates!: unknown[];
}
