import { IsString } from 'class-validator';
import { assignDefined } from '../../../bot/call-data.js';
import type { Init } from '../../../bot/runner-arguments.js';
import { ApiField } from '../../../validation/api-field.decorator.js';
import { Nested } from '../../../validation/field-traits.js';
import { DialinSettings } from './dialin-settings.dto.js';

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
