/** Sample rate of `audio/pcm`, in Hz. */
export const RATE_HZ = 24_000;

/** JSON of a client's event. */
export type Json = Readonly<Record<string, unknown>>;

export const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Error that the service sends for an event, and goes on. */
export class Refusal extends Error {
  constructor(
    message: string,
    readonly code: string = 'invalid_value',
  ) {
    super(message);
  }
}

/** The fields of a session that change what the stand-in does. */
export interface SessionConfig {
  readonly instructions: string;
  readonly tools: readonly { readonly name: string }[];
  readonly tracing: unknown;
  readonly audio: {
    readonly input: {
      readonly transcription: unknown;
      readonly turn_detection: {
        readonly create_response?: boolean;
        readonly interrupt_response?: boolean;
      } | null;
    };
    readonly output: Json;
  };
}

const PCM = { type: 'audio/pcm', rate: RATE_HZ };

export const DEFAULT_SESSION: SessionConfig & Json = {
  type: 'realtime',
  object: 'realtime.session',
  instructions: '',
  tools: [],
  tracing: null,
  audio: {
    input: {
      format: PCM,
      transcription: null,
      turn_detection: { type: 'server_vad', create_response: true, interrupt_response: true },
    } as SessionConfig['audio']['input'],
    output: { format: PCM, voice: 'alloy' },
  },
};

const KNOWN: Readonly<Record<string, readonly string[]>> = {
  session: [
    ...['type', 'model', 'instructions', 'output_modalities', 'audio', 'tools', 'tool_choice'],
    ...['tracing', 'max_output_tokens', 'parallel_tool_calls', 'prompt', 'truncation', 'include'],
    'reasoning',
  ],
  'session.audio': ['input', 'output'],
  'session.audio.input': ['format', 'noise_reduction', 'transcription', 'turn_detection'],
  'session.audio.output': ['format', 'voice', 'speed'],
  'session.audio.input.turn_detection': [
    ...['type', 'create_response', 'interrupt_response', 'eagerness', 'threshold'],
    ...['prefix_padding_ms', 'silence_duration_ms', 'idle_timeout_ms'],
  ],
};
const TURN_DETECTIONS = ['server_vad', 'semantic_vad'];

/** Applies a `session.update`. @throws {Refusal} */
export function updated<T extends SessionConfig & Json>(session: T, update: unknown): T {
  check('session', update);
  if (!isObject(update) || update.type !== 'realtime') {
    throw new Refusal("Missing required parameter: 'session.type'.");
  }
  const { instructions, tools } = update;
  if (instructions !== undefined && typeof instructions !== 'string') {
    throw new Refusal("Invalid type for 'session.instructions': expected a string.");
  }
  if (tools !== undefined && !(Array.isArray(tools) && tools.every(isTool))) {
    throw new Refusal("Invalid 'session.tools'.");
  }
  if (update.tracing !== undefined && session.tracing !== null && update.tracing !== null) {
    throw new Refusal('Cannot update tracing once it is enabled.');
  }
  return merged(session, update) as T;
}

function check(path: string, value: unknown): void {
  if (value === undefined || value === null) return;
  const known = KNOWN[path];
  if (path.endsWith('.format') && !(isObject(value) && isFormat(value))) {
    throw new Refusal(`Invalid value for '${path}': supported are audio/pcm at 24000, and G.711.`);
  }
  if (!known) return;
  if (!isObject(value)) throw new Refusal(`Invalid type for '${path}': expected an object.`);
  for (const [key, inner] of Object.entries(value)) {
    if (!known.includes(key)) throw new Refusal(`Unknown parameter: '${path}.${key}'.`);
    check(`${path}.${key}`, inner);
  }
  if (path.endsWith('turn_detection') && !TURN_DETECTIONS.includes(String(value.type))) {
    throw new Refusal(`Invalid value for '${path}.type'.`);
  }
}

const isFormat = ({ type, rate }: Json): boolean =>
  (type === 'audio/pcm' && rate === RATE_HZ) || type === 'audio/pcmu' || type === 'audio/pcma';

const isTool = (tool: unknown): boolean =>
  isObject(tool) &&
  tool.type === 'function' &&
  typeof tool.name === 'string' &&
  isObject(tool.parameters);

function merged(old: unknown, change: unknown): unknown {
  if (change === undefined) return old;
  if (!isObject(old) || !isObject(change)) return change;
  const keys = new Set([...Object.keys(old), ...Object.keys(change)]);
  return Object.fromEntries([...keys].map((key) => [key, merged(old[key], change[key])]));
}
