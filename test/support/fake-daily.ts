import { EventEmitter, once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text as textOf } from 'node:stream/consumers';
import { Ajv, type ValidateFunction } from 'ajv';

/** Fault of the fake API for one request. */
export type Misbehaviour =
  | { readonly status: number; readonly headers?: Record<string, string>; readonly body?: unknown }
  | 'cut'
  | 'hang'
  /** Begins an answer and never ends it. */
  | 'stall'
  /** Does what is asked, and then cuts the connection instead of saying so. */
  | 'serve-and-cut'
  /** Does what is asked, and never says so. */
  | 'serve-and-hang';

export interface DailyRequest {
  readonly method: string;
  readonly path: string;
  readonly body: Record<string, unknown>;
}

const bool = { type: 'boolean' };
const int = { type: 'integer' };
const text = { type: 'string' };
const object = { type: 'object' };
const strict = (properties: Record<string, object>) => ({
  type: 'object',
  properties,
  additionalProperties: false,
});
const all = (type: object, names: string) =>
  Object.fromEntries(
    names
      .trim()
      .split(/\s+/)
      .map((name) => [name, type]),
  );

const permissions = strict({
  hasPresence: bool,
  canSend: { type: ['boolean', 'array'] },
  canReceive: object,
  canAdmin: { type: ['boolean', 'array'] },
});
const bucket = strict({
  ...all(text, 'bucket_name bucket_region assume_role_arn'),
  ...all(bool, 'allow_api_access allow_streaming_from_bucket'),
});
const lang = { enum: 'da de en es fi fr it jp ka nl no pt pt-BR pl ru sv tr user'.split(' ') };
const recording = { enum: ['cloud', 'cloud-audio-only', 'local', 'raw-tracks', '<not set>'] };

/** Daily's documented schema of `POST /rooms`, written from its reference, not from our classes. */
export const ROOM_SCHEMA = strict({
  name: { type: 'string', pattern: '^[A-Za-z0-9_-]{1,128}$' },
  privacy: { enum: ['public', 'private'] },
  properties: strict({
    ...all(int, 'nbf exp max_participants eject_after_elapsed'),
    ...all(
      bool,
      `enable_people_ui enable_cpu_warning_notifications enable_pip_ui enable_emoji_reactions enable_hand_raising
       enable_prejoin_ui enable_live_captions_ui enable_network_ui enable_noise_cancellation_ui enable_breakout_rooms
       enable_knocking enable_screenshare enable_video_processing_ui enable_chat enable_shared_chat_history
       enable_advanced_chat start_video_off start_audio_off owner_only_broadcast eject_at_room_exp
       enable_hidden_participants enable_mesh_sfu enable_adaptive_simulcast enable_multiparty_adaptive_simulcast
       enforce_unique_user_ids experimental_optimize_large_calls disable_rtmp_geo_fallback enable_terse_logging
       auto_start_transcription enable_transcription_storage enable_dialout enable_raw_tracks_event_json`,
    ),
    ...all(
      text,
      'meeting_join_hook geo rtmp_geo recordings_template transcription_template enable_raw_tracks_transcoded_audio',
    ),
    sfu_switchover: { type: 'number' },
    lang,
    enable_recording: recording,
    recordings_bucket: bucket,
    transcription_bucket: bucket,
    auto_transcription_settings: object,
    dialout_config: object,
    streaming_endpoints: { type: 'array', items: object },
    permissions,
    sip: strict({
      display_name: text,
      video: bool,
      sip_mode: { enum: ['dial-in'] },
      num_endpoints: int,
      codecs: object,
      provider: text,
    }),
  }),
});

/** Daily's documented schema of `POST /meeting-tokens`. */
export const TOKEN_SCHEMA = strict({
  properties: strict({
    ...all(text, 'room_name user_name user_id redirect_on_meeting_exit'),
    ...all(int, 'nbf exp eject_after_elapsed'),
    ...all(
      bool,
      `eject_at_token_exp is_owner enable_screenshare start_video_off start_audio_off enable_prejoin_ui
       enable_live_captions_ui enable_recording_ui enable_terse_logging start_cloud_recording
       auto_start_transcription close_tab_on_exit knocking`,
    ),
    start_cloud_recording_opts: object,
    enable_recording: recording,
    lang,
    permissions,
  }),
});

/** A real HTTP server in the place of Daily's REST API: checks what it is sent, and can be slow, refuse, limit, cut or hang. */
export class FakeDaily extends EventEmitter {
  readonly apiKey = 'daily-key-of-the-tests';
  readonly requests: DailyRequest[] = [];
  /** The rooms there are, by name. */
  readonly rooms = new Map<string, Record<string, unknown>>();
  /** Applied to the next requests, one each. */
  readonly misbehaviours: Misbehaviour[] = [];
  /** Applied to every request, before {@link misbehaviours}. */
  always: Misbehaviour | undefined;
  latencyMs = 0;
  /** Requests wait for it before they are answered. */
  gate: Promise<unknown> | undefined;
  /** True when bodies must be as documented; Pipecat's own runner sends times with fractions. */
  isStrict = true;
  /** Connections taken so far. */
  connections = 0;
  private readonly validateRoom: ValidateFunction;
  private readonly validateToken: ValidateFunction;
  private readonly server: Server;

  private constructor() {
    super();
    const ajv = new Ajv({ allowUnionTypes: true });
    this.validateRoom = ajv.compile(ROOM_SCHEMA);
    this.validateToken = ajv.compile(TOKEN_SCHEMA);
    this.server = createServer((request, response) => void this.serve(request, response));
    this.server.on('connection', () => this.connections++);
  }

  /** Keeps idle connections for longer than a busy machine needs between two requests; otherwise Node closes them after 5 s. */
  keepConnections(): void {
    this.server.keepAliveTimeout = 60_000;
  }

  static async start(): Promise<FakeDaily> {
    const fake = new FakeDaily();
    fake.server.listen(0, '127.0.0.1');
    await once(fake.server, 'listening');
    return fake;
  }

  get apiUrl(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/v1`;
  }

  /** The bodies of the requests to a path. */
  bodiesOf(path: string): Record<string, unknown>[] {
    return this.requests.filter((request) => request.path === path).map(({ body }) => body);
  }

  reset(): void {
    this.requests.length = 0;
    this.rooms.clear();
    this.misbehaviours.length = 0;
    this.always = undefined;
    this.latencyMs = 0;
    this.gate = undefined;
  }

  /** Resolves once there is no room any more. */
  async untilEmpty(): Promise<void> {
    while (this.rooms.size > 0) await once(this, 'deleted');
  }

  /** Resolves once there are that many rooms. */
  async untilRooms(count: number): Promise<void> {
    while (this.rooms.size < count) await once(this, 'created');
  }

  async close(): Promise<void> {
    this.server.close();
    this.server.closeAllConnections();
    await once(this.server, 'close');
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const raw = await textOf(request);
    const path = request.url!.replace(/^\/v1/, '');
    const seen: DailyRequest = {
      method: request.method!,
      path,
      body: raw ? (JSON.parse(raw) as Record<string, unknown>) : {},
    };
    this.requests.push(seen);
    this.emit('request', seen);
    await this.gate;
    if (this.latencyMs > 0) await new Promise((resolve) => setTimeout(resolve, this.latencyMs));
    const trouble = this.always ?? this.misbehaviours.shift();
    if (trouble === 'hang') return;
    if (trouble === 'stall') return void response.writeHead(200).write('{');
    if (trouble === 'cut') return void request.socket.destroy();
    const reply = (status: number, body: unknown, headers: Record<string, string> = {}) => {
      if (trouble === 'serve-and-cut') return void request.socket.destroy();
      if (trouble === 'serve-and-hang') return;
      response.writeHead(status, { 'content-type': 'application/json', ...headers });
      response.end(JSON.stringify(body));
    };
    if (typeof trouble === 'object') {
      return reply(trouble.status, trouble.body ?? { error: 'server-error' }, trouble.headers);
    }
    const refuse = (info: string) => reply(400, { error: 'invalid-request-error', info });
    if (request.headers.authorization !== `Bearer ${this.apiKey}`) {
      return reply(401, { error: 'authentication-error' });
    }
    if (raw && request.headers['content-type'] !== 'application/json') {
      return reply(400, { error: 'json-parsing-error', info: 'send application/json' });
    }
    if (request.method === 'POST' && path === '/rooms') {
      if (this.isStrict && !this.validateRoom(seen.body)) {
        const [error] = this.validateRoom.errors!;
        return refuse(`${error!.instancePath} ${error!.message} ${JSON.stringify(error!.params)}`);
      }
      const { name, properties } = seen.body as {
        name: string;
        properties: Record<string, unknown>;
      };
      if (this.rooms.has(name)) return refuse(`a room named ${name} already exists`);
      const room = {
        id: `id-of-${name}`,
        name,
        api_created: true,
        privacy: 'public',
        url: `https://example.daily.co/${name}`,
        created_at: new Date().toISOString(),
        config: {
          ...properties,
          ...(properties.sip !== undefined && { sip_uri: { endpoint: `${name}@sip.example` } }),
        },
      };
      this.rooms.set(name, room);
      this.emit('created', name);
      return reply(200, room);
    }
    if (request.method === 'POST' && path === '/meeting-tokens') {
      if (this.isStrict && !this.validateToken(seen.body)) {
        const [error] = this.validateToken.errors!;
        return refuse(`${error!.instancePath} ${error!.message}`);
      }
      const { room_name } = seen.body.properties as { room_name?: string };
      return reply(200, { token: `token-for-${room_name}` });
    }
    const name = /^\/rooms\/([^/]+)$/.exec(path)?.[1];
    if (!name || !this.rooms.has(name)) return reply(404, { error: 'not-found' });
    if (request.method === 'GET') return reply(200, this.rooms.get(name));
    if (request.method === 'DELETE') {
      this.rooms.delete(name);
      reply(200, { deleted: true, name });
      this.emit('deleted', name);
      return;
    }
    return reply(405, { error: 'method-not-allowed' });
  }
}
