import { OptionalStringRecord } from '../../../validation/optional-fields.decorators.js';
import { IsOptional, IsString, MaxLength, MinLength } from 'class-validator';
import { assignDefined } from '../../../bot/call-data.js';
import type { Init } from '../../../bot/runner-arguments.js';
import { ApiField } from '../../../validation/api-field.decorator.js';
import { Nested } from '../../../validation/field-traits.js';

/** A phone call as Daily's webhook (and Pipecat Cloud's) describes it. */
export class DialinSettings {
  /** Call id, a UUID: the session in Daily's SIP network. */
  @IsString({ message: 'call_id must be a string: the UUID of the call' })
  @ApiField({ description: "The call id, a UUID: the session in Daily's SIP network." })
  call_id!: string;

  /** UUID of the Daily domain that received the call. */
  @IsString({ message: 'call_domain must be a string: the UUID of the Daily domain' })
  @ApiField({ description: 'The UUID of the Daily domain that received the call.' })
  call_domain!: string;

  /** The number that was dialled. */
  @IsOptional()
  @IsString({ message: 'To must be a string: the number that was dialled' })
  @ApiField({ required: false, description: 'The number that was dialled.', example: '+15550002' })
  To?: string;

  /** The caller's number. */
  @IsOptional()
  @IsString({ message: "From must be a string: the caller's number" })
  @ApiField({ required: false, description: "The caller's number.", example: '+15550001' })
  From?: string;

  /** The SIP headers of the call. */
  @OptionalStringRecord('The SIP headers of the call.')
  sip_headers?: Record<string, string>;

  constructor(init?: Init<DialinSettings, 'call_id' | 'call_domain'>) {
    assignDefined(this, init ?? {});
  }
}

/** The `body` of a bot that answers a Daily phone call. */
export class DailyDialinRequest {
  /** The call to answer. */
  @Nested(() => DialinSettings)
  @ApiField({ type: () => DialinSettings, description: 'The call to answer.' })
  dialin_settings!: DialinSettings;

  /** The Daily API key, which the bot needs to forward the call into its room (`pinlessCallUpdate`). */
  @IsString({ message: 'daily_api_key must be a string' })
  @ApiField({
    description: 'The Daily API key, which the bot needs to forward the call into its room.',
  })
  daily_api_key!: string;

  /** The Daily API: production's or staging's URL. */
  @IsString({ message: 'daily_api_url must be a string: the URL of the Daily API' })
  @ApiField({ description: 'The URL of the Daily API.', example: 'https://api.daily.co/v1' })
  daily_api_url!: string;

  constructor(
    init?: Init<DailyDialinRequest, 'dialin_settings' | 'daily_api_key' | 'daily_api_url'>,
  ) {
    assignDefined(this, init ?? {});
  }
}

/**
 * Body of `POST /daily-dialin-webhook`, sent by Daily while an incoming phone or SIP call is on hold.
 *
 * Source: Daily's "SIP Interconnect and pinless PSTN dial-in" guide (docs.daily.co).
 */
export class DialinWebhook {
  /** The caller's number or SIP address. `null` or missing where it is withheld. */
  @IsOptional()
  @IsString({ message: "From must be a string: the caller's number" })
  @ApiField({
    required: false,
    nullable: true,
    description: "The caller's number; null or missing where it is withheld.",
    example: '+15550001',
  })
  From?: string;

  /** The called number or SIP address. */
  @IsOptional()
  @IsString({ message: 'To must be a string: the number that was dialled' })
  @ApiField({
    required: false,
    nullable: true,
    description: 'The number that was dialled.',
    example: '+15550002',
  })
  To?: string;

  /** Call id, a UUID. */
  @IsString({ message: 'callId must be a string: the UUID of the call' })
  @MinLength(1, { message: 'callId must not be empty' })
  @MaxLength(200, { message: 'callId must have at most 200 characters' })
  @ApiField({ description: 'The call id, a UUID.' })
  callId!: string;

  /** UUID of the Daily domain that received the call. */
  @IsString({ message: 'callDomain must be a string: the UUID of the Daily domain' })
  @ApiField({ description: 'The UUID of the Daily domain that received the call.' })
  callDomain!: string;

  /** The SIP headers of the call. */
  @OptionalStringRecord('The SIP headers of the call.')
  sipHeaders?: Record<string, string>;
}

/** Answer to a dial-in webhook: the room and token for the call. */
export class DialinAnswer {
  @ApiField({ type: String, description: 'The URL of the room for the caller.', format: 'uri' })
  dailyRoom!: string;

  @ApiField({ type: String, description: 'The meeting token for the room.' })
  dailyToken!: string;

  @ApiField({ type: String, description: 'The session, and the `session_id` of the bot.' })
  sessionId!: string;
}

/** Answer to the ping that Daily sends while the webhook is being configured. */
export class DialinPingAnswer {
  @ApiField({ type: String, enum: ['OK'], description: 'The webhook is reachable.' })
  status!: 'OK';
}
