import { IsIn, IsOptional, IsString, Length } from 'class-validator';
import { ApiField } from '../../../validation/api-field.decorator.js';
import { KeepsUnknownKeys, Nested } from '../../../validation/field-traits.js';

/** Session description of the caller. */
export class WhatsAppCallSession {
  @IsString({ message: 'sdp must be a string' })
  @ApiField({ description: 'The session description.' })
  sdp!: string;

  @IsIn(['offer'], { message: 'sdp_type must be offer' })
  @ApiField({ description: 'The type of the session description.', enum: ['offer'], type: String })
  sdp_type!: 'offer';
}

/**
 * A call as Meta's webhook describes it. Becomes the `body` of the bot.
 *
 * Source: "Webhooks for user-initiated calls" (developers.facebook.com/docs/whatsapp/cloud-api/calling).
 */
@KeepsUnknownKeys()
export class WhatsAppCall {
  @IsString({ message: 'id must be a string: the id of the call' })
  @Length(1, 200, { message: 'id must have 1 to 200 characters' })
  @ApiField({ description: "Meta's id of the call." })
  id!: string;

  @IsOptional()
  @IsString({ message: 'from must be a string' })
  @ApiField({ required: false, description: "The caller's number.", example: '15550001' })
  from?: string;

  @IsOptional()
  @IsString({ message: 'to must be a string' })
  @ApiField({ required: false, description: 'The number that was called.', example: '15550002' })
  to?: string;

  /** `connect`: the call rings; `terminate`: it has ended. */
  @IsString({ message: 'event must be a string' })
  @ApiField({ description: '`connect` when it rings, `terminate` when it is over.' })
  event!: string;

  @IsOptional()
  @IsString({ message: 'timestamp must be a string' })
  @ApiField({ required: false, description: 'The time of the event.' })
  timestamp?: string;

  @IsOptional()
  @IsString({ message: 'direction must be a string' })
  @ApiField({
    required: false,
    description: 'The direction of the call.',
    example: 'USER_INITIATED',
  })
  direction?: string;

  @IsOptional()
  @Nested(() => WhatsAppCallSession)
  @ApiField({
    required: false,
    type: () => WhatsAppCallSession,
    description: 'The offer of the caller, in `connect`.',
  })
  session?: WhatsAppCallSession;
}
