import { IsBoolean, IsObject, IsOptional, IsString, Matches } from 'class-validator';
import { ApiField } from '../../validation/api-field.decorator.js';
import { FewValues } from '../../validation/few-values.decorator.js';
import { Verbatim } from '../../validation/verbatim.decorator.js';

/** Body of `POST /start`. All fields are optional. */
export class StartRequest {
  /** Requested transport: one of those that `GET /status` lists. */
  @IsOptional()
  @IsString({ message: 'transport must be a string: one of those GET /status lists' })
  @ApiField({ required: false, description: 'The requested transport.' })
  transport?: string;

  /** `body` of the bot. */
  @Verbatim()
  @IsOptional()
  @ApiField({
    required: false,
    oneOf: [
      { type: 'object', additionalProperties: true },
      { type: 'array', items: {} },
      { type: 'string' },
      { type: 'number' },
      { type: 'boolean' },
    ],
    description: 'The body of the bot.',
  })
  body?: unknown;

  /** Requests a new Daily room, and so Daily if no `transport` is set. */
  @IsOptional()
  @IsBoolean({ message: 'createDailyRoom must be true or false' })
  @ApiField({ required: false, description: 'Requests a new Daily room.' })
  createDailyRoom?: boolean;

  /** Properties of the new Daily room. */
  @Verbatim()
  @IsOptional()
  @IsObject({ message: 'dailyRoomProperties must be an object' })
  @FewValues()
  @ApiField({
    required: false,
    type: Object,
    additionalProperties: true,
    description: 'Properties of the new Daily room: DailyRoomProperties.',
  })
  dailyRoomProperties?: Record<string, unknown>;

  /** Properties of the Daily meeting token. */
  @Verbatim()
  @IsOptional()
  @IsObject({ message: 'dailyMeetingTokenProperties must be an object' })
  @FewValues()
  @ApiField({
    required: false,
    type: Object,
    additionalProperties: true,
    description: 'Properties of the Daily meeting token: DailyMeetingTokenProperties.',
  })
  dailyMeetingTokenProperties?: Record<string, unknown>;

  /** Requests a public STUN server if the runner has no ICE servers. */
  @IsOptional()
  @IsBoolean({ message: 'enableDefaultIceServers must be true or false' })
  @ApiField({
    required: false,
    description: 'Requests a public STUN server if the runner has no ICE servers.',
  })
  enableDefaultIceServers?: boolean;

  /** Media over QUIC namespace (room). */
  @IsOptional()
  @Matches(/^[\x21-\x7e]{1,200}$/, {
    message: 'namespace must be text of at most 200 characters without spaces',
  })
  @ApiField({ required: false, description: 'The Media over QUIC namespace (room).' })
  namespace?: string;
}
