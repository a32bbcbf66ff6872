import { ApiField } from '../../validation/api-field.decorator.js';
import { Verbatim } from '../../validation/verbatim.decorator.js';

/** Answer of `POST /start`. Its fields depend on the transport; the session id is in the header `X-Session-Id` of all. */
export class StartAnswer {
  @ApiField({
    type: String,
    required: false,
    description:
      'The session id, also the `session_id` of the bot. Not beside a `wsUrl`: read the header X-Session-Id.',
  })
  sessionId?: string;

  @ApiField({
    type: String,
    required: false,
    description: 'The WebSocket URL (`websocket` and the carriers).',
    example: 'wss://bot.example.com/ws-client',
  })
  wsUrl?: string;

  @ApiField({
    type: String,
    required: false,
    description:
      "The single-use token for `wsUrl`, or the user's token for the room of LiveKit or Vonage.",
  })
  token?: string;

  @ApiField({ type: String, required: false, description: 'The URL of the room (`daily`).' })
  dailyRoom?: string;

  @ApiField({ type: String, required: false, description: 'The meeting token (`daily`).' })
  dailyToken?: string;

  @ApiField({
    type: String,
    required: false,
    description: 'The URL of the LiveKit server (`livekit`).',
  })
  url?: string;

  @ApiField({
    type: String,
    required: false,
    description: 'The id of the Vonage application (`vonage-video`).',
  })
  applicationId?: string;

  @ApiField({
    type: String,
    required: false,
    description: 'The Vonage session that the bot joins (`vonage-video`).',
  })
  vonageSessionId?: string;

  @ApiField({
    type: String,
    required: false,
    description:
      'The URL for uploads of files to the session, relative to that of `/start`. Also in the header X-File-Upload-Url, and only there beside a `wsUrl`.',
    example: '/sessions/0b8f9a4e-3d52-4c3e-9a56-0d4f1f0c7f11/files',
  })
  fileUploadUrl?: string;

  @Verbatim()
  @ApiField({
    type: Object,
    required: false,
    additionalProperties: true,
    description: '`iceServers` for the connection (`webrtc`).',
  })
  iceConfig?: Record<string, unknown>;
}
