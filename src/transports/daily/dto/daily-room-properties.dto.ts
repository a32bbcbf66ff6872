import { applyDecorators } from '@nestjs/common';
import { IsOptional, ValidateBy } from 'class-validator';
import { ApiField } from '../../../validation/api-field.decorator.js';
import { KeepsUnknownKeys, Nested } from '../../../validation/field-traits.js';
import {
  OptionalBoolean,
  OptionalChoice,
  OptionalInteger,
  OptionalNumber,
  OptionalObject,
  OptionalObjectList,
  OptionalString,
  OptionalUnixSeconds,
} from '../../../validation/optional-fields.decorators.js';
import { Verbatim } from '../../../validation/verbatim.decorator.js';

/** Languages of Daily's prebuilt user interface. */
const LANGUAGES = 'da de en es fi fr it jp ka nl no pt pt-BR pl ru sv tr user'.split(' ');

/** Recording kinds. */
export const RECORDING_KINDS = ['cloud', 'cloud-audio-only', 'local', 'raw-tracks'];

/** An optional nested object. */
const optionalNested = (type: () => new () => object, description: string): PropertyDecorator =>
  applyDecorators(
    IsOptional(),
    Nested(type),
    // @nestjs/swagger recognises a lazy type by the function name `type`.
    ApiField({ required: false, type: () => type(), description }),
  );

/** A permission: `true` for all, `false` for none, or a list of names. */
const allOrSome = (names: string, description: string): PropertyDecorator =>
  applyDecorators(
    IsOptional(),
    Verbatim(),
    ValidateBy({
      name: 'allOrSome',
      validator: {
        validate: (value) =>
          typeof value === 'boolean' ||
          (Array.isArray(value) && value.every((one) => typeof one === 'string')),
        defaultMessage: () => `$property must be true, false or a list of ${names}`,
      },
    }),
    ApiField({
      required: false,
      description,
      oneOf: [{ type: 'boolean' }, { type: 'array', items: { type: 'string' } }],
    }),
  );

/** S3 bucket of the customer. */
@KeepsUnknownKeys()
export class DailyBucket {
  @OptionalString('The name of the S3 bucket.')
  bucket_name?: string;

  @OptionalString('The AWS region the bucket is in.')
  bucket_region?: string;

  @OptionalString('The ARN of the role that Daily assumes to write.')
  assume_role_arn?: string;

  @OptionalBoolean("Whether what is stored can be had through Daily's API.")
  allow_api_access?: boolean;

  @OptionalBoolean('Whether links to it play in the browser instead of downloading.')
  allow_streaming_from_bucket?: boolean;
}

/** Phone and SIP settings of a room. */
@KeepsUnknownKeys()
export class DailyRoomSip {
  @OptionalString('The name the caller is shown under.')
  display_name?: string;

  @OptionalBoolean('Whether the caller can send and see video.')
  video?: boolean;

  @OptionalString("The direction, such as 'dial-in'.")
  sip_mode?: string;

  @OptionalInteger(1, 'How many SIP addresses the room gets; 2 to transfer a call.')
  num_endpoints?: number;

  @OptionalObject('The codecs to use, such as {"audio": ["OPUS"], "video": ["H264"]}.')
  codecs?: Record<string, unknown>;

  @OptionalString("The SIP provider, such as 'daily'.")
  provider?: string;
}

/** Default permissions of participants who are not owners. */
@KeepsUnknownKeys()
export class DailyPermissions {
  @OptionalBoolean('Whether others see the participant.')
  hasPresence?: boolean;

  @allOrSome('video, audio, screenVideo, screenAudio', 'What the participant may send.')
  canSend?: boolean | string[];

  @OptionalObject('What the participant may receive.')
  canReceive?: Record<string, unknown>;

  @allOrSome('participants, streaming, transcription', 'What the participant may administrate.')
  canAdmin?: boolean | string[];
}

/**
 * All documented properties of a Daily room. Unknown properties are passed through.
 *
 * Source: Daily's "Create room" reference and its OpenAPI description (docs.daily.co), version 1.1.
 */
@KeepsUnknownKeys()
export class DailyRoomProperties {
  @OptionalUnixSeconds('Nobody can join before this time, in Unix seconds.')
  nbf?: number;

  @OptionalUnixSeconds('Nobody can join after this time, in Unix seconds.')
  exp?: number;

  @OptionalInteger(1, 'How many people may be in the room at once.')
  max_participants?: number;

  @OptionalBoolean('Whether Prebuilt shows who is there.')
  enable_people_ui?: boolean;

  @OptionalBoolean('Whether Prebuilt warns of high CPU usage.')
  enable_cpu_warning_notifications?: boolean;

  @OptionalBoolean('Whether Prebuilt offers picture in picture.')
  enable_pip_ui?: boolean;

  @OptionalBoolean('Whether Prebuilt offers emoji reactions.')
  enable_emoji_reactions?: boolean;

  @OptionalBoolean('Whether Prebuilt offers to raise a hand.')
  enable_hand_raising?: boolean;

  @OptionalBoolean('Whether Prebuilt shows a device check before joining.')
  enable_prejoin_ui?: boolean;

  @OptionalBoolean('Whether Prebuilt offers live captions.')
  enable_live_captions_ui?: boolean;

  @OptionalBoolean('Whether Prebuilt shows the network panel.')
  enable_network_ui?: boolean;

  @OptionalBoolean('Whether Prebuilt offers noise cancellation.')
  enable_noise_cancellation_ui?: boolean;

  @OptionalBoolean('Whether Prebuilt offers breakout rooms.')
  enable_breakout_rooms?: boolean;

  @OptionalBoolean('Whether one can ask to be let into a private room.')
  enable_knocking?: boolean;

  @OptionalBoolean('Whether screens can be shared.')
  enable_screenshare?: boolean;

  @OptionalBoolean('Whether Prebuilt offers background effects.')
  enable_video_processing_ui?: boolean;

  @OptionalBoolean('Whether there is a chat.')
  enable_chat?: boolean;

  @OptionalBoolean('Whether those who join later get the chat so far.')
  enable_shared_chat_history?: boolean;

  @OptionalBoolean('Whether Prebuilt has the richer chat.')
  enable_advanced_chat?: boolean;

  @OptionalBoolean('Whether cameras are off when joining.')
  start_video_off?: boolean;

  @OptionalBoolean('Whether microphones are off when joining.')
  start_audio_off?: boolean;

  @OptionalBoolean('Whether only owners may send media.')
  owner_only_broadcast?: boolean;

  @OptionalRecording()
  enable_recording?: string | string[];

  @OptionalString('The format of gapless raw-tracks audio, such as wav-48k-mono.')
  enable_raw_tracks_transcoded_audio?: string;

  @OptionalBoolean('Whether raw-tracks recordings come with their events as JSON.')
  enable_raw_tracks_event_json?: boolean;

  @OptionalBoolean('Whether everyone is removed when the room expires.')
  eject_at_room_exp?: boolean;

  @OptionalInteger(0, 'Seconds after joining that a participant is removed.')
  eject_after_elapsed?: number;

  @OptionalBoolean('Whether those who are not owners are invisible.')
  enable_hidden_participants?: boolean;

  @OptionalBoolean('Whether several media servers share the call.')
  enable_mesh_sfu?: boolean;

  @OptionalNumber('The number of participants from which a media server is used.')
  sfu_switchover?: number;

  @OptionalBoolean('Whether sending adapts to the network in calls of two.')
  enable_adaptive_simulcast?: boolean;

  @OptionalBoolean('Whether sending adapts to the network in larger calls.')
  enable_multiparty_adaptive_simulcast?: boolean;

  @OptionalBoolean('Whether a second participant of the same user_id replaces the first.')
  enforce_unique_user_ids?: boolean;

  @OptionalBoolean('Whether Prebuilt is made for very large calls.')
  experimental_optimize_large_calls?: boolean;

  @OptionalChoice(LANGUAGES, "The language of Daily's user interface.")
  lang?: string;

  @OptionalString('The URL notified of each participant that joins.')
  meeting_join_hook?: string;

  @OptionalString('The region of the media servers, such as us-west-2.')
  geo?: string;

  @OptionalString('The region that RTMP streams come from.')
  rtmp_geo?: string;

  @OptionalBoolean('Whether to fail rather than stream from another region.')
  disable_rtmp_geo_fallback?: boolean;

  @optionalNested(() => DailyBucket, 'Where recordings are stored.')
  recordings_bucket?: DailyBucket;

  @OptionalString('How recordings are named; must contain {epoch_time}.')
  recordings_template?: string;

  @OptionalBoolean('Whether fewer log messages are kept.')
  enable_terse_logging?: boolean;

  @OptionalBoolean('Whether transcription starts by itself.')
  auto_start_transcription?: boolean;

  @OptionalObject('How transcription is done when it starts by itself.')
  auto_transcription_settings?: Record<string, unknown>;

  @OptionalBoolean('Whether transcripts are stored.')
  enable_transcription_storage?: boolean;

  @optionalNested(() => DailyBucket, 'Where transcripts are stored.')
  transcription_bucket?: DailyBucket;

  @OptionalString('How transcripts are named.')
  transcription_template?: string;

  @OptionalObjectList('Live streams that can be started by name.')
  streaming_endpoints?: Record<string, unknown>[];

  @optionalNested(() => DailyPermissions, 'What participants who are not owners may do.')
  permissions?: DailyPermissions;

  @OptionalBoolean('Whether phones and SIP devices can be called from the room.')
  enable_dialout?: boolean;

  @OptionalObject('How dial-out is done.')
  dialout_config?: Record<string, unknown>;

  @optionalNested(() => DailyRoomSip, 'How phones and SIP devices reach the room.')
  sip?: DailyRoomSip;
}

/** Recording kinds: one, or a list. */
export function OptionalRecording(): PropertyDecorator {
  return applyDecorators(
    IsOptional(),
    Verbatim(),
    ValidateBy({
      name: 'recording',
      validator: {
        validate: (value) =>
          [value].flat().every((kind) => typeof kind === 'string' && isRecording(kind)),
        defaultMessage: () => `$property must be one of ${RECORDING_KINDS.join(', ')}`,
      },
    }),
    ApiField({
      required: false,
      description: 'Allowed recording kinds.',
      oneOf: [
        { type: 'string', enum: RECORDING_KINDS },
        { type: 'array', items: { type: 'string', enum: RECORDING_KINDS } },
      ],
    }),
  );
}

/** Accepts `<not set>` too, which Daily's own schema uses for the default. */
const isRecording = (kind: string): boolean =>
  RECORDING_KINDS.includes(kind) || kind === '<not set>';
