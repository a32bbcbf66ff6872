import { ApiField } from '../../validation/api-field.decorator.js';
import { Verbatim } from '../../validation/verbatim.decorator.js';

/** The answer of `POST /start`. The fields beside the id depend on the transport. */
export class StartAnswer {
  @ApiField({ type: String, description: 'The session, and the `session_id` of the bot.' })
  sessionId!: string;

  @ApiField({
    type: String,
    required: false,
    description: 'Where to connect (`websocket` and the carriers).',
    example: 'wss://bot.example.com/ws-client',
  })
  wsUrl?: string;

  @ApiField({
    type: String,
    required: false,
    description: "What opens `wsUrl` once, or LiveKit's token of the user.",
  })
  token?: string;

  @ApiField({ type: String, required: false, description: 'The room to join (`daily`).' })
  dailyRoom?: string;

  @ApiField({ type: String, required: false, description: 'The token to join it with (`daily`).' })
  dailyToken?: string;

  @ApiField({ type: String, required: false, description: 'The LiveKit server (`livekit`).' })
  url?: string;

  @Verbatim()
  @ApiField({
    type: Object,
    required: false,
    additionalProperties: true,
    description: '`iceServers` for the connection (`webrtc`).',
  })
  iceConfig?: Record<string, unknown>;
}
