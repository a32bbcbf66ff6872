import { IsIn, IsOptional, IsString, Length } from 'class-validator';
import { ApiField } from '../../../validation/api-field.decorator.js';
import { KeepsUnknownKeys, Nested } from '../../../validation/field-traits.js';

/** The caller's side of a WhatsApp call. */
export class WhatsAppCallSession {
  @IsString({ message: 'sdp must be a string' })
  @ApiField({ description: 'The session description.' })
  sdp!: string;

  @IsIn(['offer'], { message: 'sdp_type must be offer' })
  @ApiField({ description: 'What kind of description.', enum: ['offer'], type: String })
  sdp_type!: 'offer';
}

/**
 * What Meta says of a call; the bot gets it as its body.
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

  /** `connect`: it rings; `terminate`: it is over. */
  @IsString({ message: 'event must be a string' })
  @ApiField({ description: '`connect` when it rings, `terminate` when it is over.' })
  event!: string;

  @IsOptional()
  @IsString({ message: 'timestamp must be a string' })
  @ApiField({ required: false, description: 'When that was.' })
  timestamp?: string;

  @IsOptional()
  @IsString({ message: 'direction must be a string' })
  @ApiField({ required: false, description: 'Who calls.', example: 'USER_INITIATED' })
  direction?: string;

  @IsOptional()
  @Nested(() => WhatsAppCallSession)
  @ApiField({ required: false, type: () => WhatsAppCallSession, description: 'When it rings.' })
  session?: WhatsAppCallSession;
}
