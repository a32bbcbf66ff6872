import { IsOptional } from 'class-validator';
import { ApiField } from '../../../validation/api-field.decorator.js';
import { KeepsUnknownKeys, Nested } from '../../../validation/field-traits.js';
import {
  OptionalBoolean,
  OptionalInteger,
  OptionalObject,
  OptionalString,
  OptionalUnixSeconds,
} from '../../../validation/optional-fields.decorators.js';
import { DailyPermissions, OptionalRecording } from './daily-room-properties.dto.js';

/**
 * All documented properties of a Daily meeting token. Unknown properties are passed through.
 *
 * Source: Daily's "Create meeting token" reference and its OpenAPI description (docs.daily.co), version 1.1.
 */
@KeepsUnknownKeys()
export class DailyMeetingTokenProperties {
  @OptionalString('The room the token is for.')
  room_name?: string;

  @OptionalBoolean('Whether the participant is removed when the token expires.')
  eject_at_token_exp?: boolean;

  @OptionalInteger(0, 'Seconds after joining that the participant is removed.')
  eject_after_elapsed?: number;

  @OptionalUnixSeconds('The token cannot be used before this time, in Unix seconds.')
  nbf?: number;

  @OptionalUnixSeconds('The token cannot be used after this time, in Unix seconds.')
  exp?: number;

  @OptionalBoolean('Whether the participant owns the meeting.')
  is_owner?: boolean;

  @OptionalString("The participant's name.")
  user_name?: string;

  @OptionalString("The participant's id in your application.")
  user_id?: string;

  @OptionalBoolean('Whether the participant may share a screen.')
  enable_screenshare?: boolean;

  @OptionalBoolean('Whether the camera is off when joining.')
  start_video_off?: boolean;

  @OptionalBoolean('Whether the microphone is off when joining.')
  start_audio_off?: boolean;

  @OptionalRecording()
  enable_recording?: string | string[];

  @OptionalBoolean('Whether Prebuilt shows the recording button.')
  enable_recording_ui?: boolean;

  @OptionalBoolean('Whether Prebuilt shows a device check before joining.')
  enable_prejoin_ui?: boolean;

  @OptionalBoolean('Whether Prebuilt offers live captions.')
  enable_live_captions_ui?: boolean;

  @OptionalBoolean('Whether fewer log messages are kept.')
  enable_terse_logging?: boolean;

  @OptionalBoolean('Whether knocking is needed although there is a token.')
  knocking?: boolean;

  @OptionalBoolean('Whether a cloud recording starts when the participant joins.')
  start_cloud_recording?: boolean;

  @OptionalObject('How that recording is made.')
  start_cloud_recording_opts?: Record<string, unknown>;

  @OptionalBoolean('Whether transcription starts when an owner joins.')
  auto_start_transcription?: boolean;

  @OptionalBoolean('Whether the browser tab closes when leaving.')
  close_tab_on_exit?: boolean;

  @OptionalString('Where the browser goes when leaving.')
  redirect_on_meeting_exit?: string;

  @OptionalString("The language of Daily's user interface.")
  lang?: string;

  @IsOptional()
  @Nested(() => DailyPermissions)
  @ApiField({
    required: false,
    type: () => DailyPermissions,
    description: 'Permissions of the participant.',
  })
  permissions?: DailyPermissions;
}
