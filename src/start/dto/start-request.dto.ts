import { IsBoolean, IsObject, IsOptional, IsString } from 'class-validator';
import { ApiField } from '../../validation/api-field.decorator.js';
import { Verbatim } from '../../validation/verbatim.decorator.js';

/** The body of `POST /start`. Every field may be left out. */
export class StartRequest {
  /** The transport to use: one of those `GET /status` lists. */
  @IsOptional()
  @IsString({ message: 'transport must be a string: one of those GET /status lists' })
  @ApiField({ required: false, description: 'The transport to use.' })
  transport?: string;

  /** Whatever the bot is to find in its `body`. */
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
    description: 'Whatever the bot is to find in its body.',
  })
  body?: unknown;

  /** Asks for a new Daily room, and so for Daily where no `transport` is named. */
  @IsOptional()
  @IsBoolean({ message: 'createDailyRoom must be true or false' })
  @ApiField({ required: false, description: 'Asks for a new Daily room.' })
  createDailyRoom?: boolean;

  /** Properties of the new Daily room. */
  @Verbatim()
  @IsOptional()
  @IsObject({ message: 'dailyRoomProperties must be an object' })
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
  @ApiField({
    required: false,
    type: Object,
    additionalProperties: true,
    description: 'Properties of the Daily meeting token: DailyMeetingTokenProperties.',
  })
  dailyMeetingTokenProperties?: Record<string, unknown>;

  /** Asks for a public STUN server where the runner has no ICE servers of its own. */
  @IsOptional()
  @IsBoolean({ message: 'enableDefaultIceServers must be true or false' })
  @ApiField({
    required: false,
    description: 'Asks for a public STUN server where the runner has none of its own.',
  })
  enableDefaultIceServers?: boolean;

  /** The Media over QUIC namespace to meet in. */
  @IsOptional()
  @IsString({ message: 'namespace must be a string' })
  @ApiField({ required: false, description: 'The Media over QUIC namespace to meet in.' })
  namespace?: string;
}
