/** A refused request. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly code = 'invalid_value',
  ) {
    super(message);
  }
}

const MODELS = {
  chat: ['gpt-4.1', 'gpt-4.1-mini', 'gpt-4o', 'gpt-4o-mini'],
  transcription: ['whisper-1', 'gpt-4o-transcribe', 'gpt-4o-mini-transcribe'],
  speech: ['tts-1', 'tts-1-hd', 'gpt-4o-mini-tts'],
};

function checkModel(model: unknown, known: readonly string[]): void {
  if (typeof model === 'string' && known.includes(model)) return;
  throw new Problem(404, `The model ${String(model)} does not exist here.`, 'model_not_found');
}

function check(condition: boolean, message: string): void {
  if (!condition) throw new Problem(400, message);
}

interface Message {
  readonly role: string;
  readonly content?: string | readonly { readonly text?: string }[] | null;
  readonly tool_call_id?: string;
  readonly tool_calls?: readonly {
    readonly id: string;
    readonly function: { readonly name: string; readonly arguments: string };
  }[];
}

interface Tool {
  readonly type: string;
  readonly function: { readonly name: string; readonly parameters: { readonly type: string } };
}

/** A request for an answer. */
export interface Chat {
  readonly body: Readonly<Record<string, unknown>>;
  readonly messages: readonly Message[];
  /** Names of the tools that may be called. */
  readonly tools: readonly string[];
  readonly system: string;
  /** The user's last message. */
  readonly user: string;
  /** The tool whose result is the last message, and the result. */
  readonly tool: string | undefined;
  readonly result: string | undefined;
}

const textOf = ({ content }: Message): string =>
  typeof content === 'string' ? content : (content ?? []).map(({ text }) => text ?? '').join('');

/** Reads the body of `POST /chat/completions`. @throws {Problem} */
export function readChat(raw: Buffer): Chat {
  const body = JSON.parse(raw.toString()) as Record<string, unknown> & {
    messages: Message[];
    tools?: Tool[];
  };
  checkModel(body.model, MODELS.chat);
  check(body.stream === true, 'stream: this server only streams');
  check(Array.isArray(body.messages) && body.messages.length > 0, 'messages: none');
  const calls = checkCalls(body.messages);
  const tools = (body.tools ?? []).map(({ type, function: { name, parameters } }) => {
    check(type === 'function' && parameters.type === 'object', `tools: ${name} has no parameters`);
    return name;
  });
  const last = body.messages.at(-1)!;
  const byRole = (...roles: string[]) => body.messages.filter(({ role }) => roles.includes(role));
  const ofTool = last.role === 'tool';
  return {
    body,
    messages: body.messages,
    tools,
    system: byRole('system', 'developer').map(textOf).join('\n'),
    user: textOf(byRole('user').at(-1) ?? { role: 'user' }),
    tool: ofTool ? calls.get(last.tool_call_id!) : undefined,
    result: ofTool ? textOf(last) : undefined,
  };
}

/** Checks that each call of a tool is followed by its result, as OpenAI does. @returns names of the tools by calls */
function checkCalls(messages: readonly Message[]): Map<string, string> {
  const calls = new Map<string, string>();
  let open = new Set<string>();
  for (const { role, tool_calls = [], tool_call_id = '' } of messages) {
    if (role === 'tool') check(open.delete(tool_call_id), 'messages: a result without its call');
    else {
      check(open.size === 0, 'messages: a call without its result');
      open = new Set(tool_calls.map(({ id }) => id));
    }
    for (const call of tool_calls) {
      JSON.parse(call.function.arguments);
      calls.set(call.id, call.function.name);
    }
  }
  check(open.size === 0, 'messages: a call without its result');
  return calls;
}

/** Reads the body of `POST /audio/transcriptions`. @throws {Problem} */
export async function readTranscription(
  raw: Buffer,
  contentType: string,
): Promise<{ readonly fields: Record<string, string>; readonly wav: Buffer }> {
  check(contentType.startsWith('multipart/form-data'), `no multipart/form-data: ${contentType}`);
  const form = await new Response(new Uint8Array(raw), {
    headers: { 'content-type': contentType },
  }).formData();
  const file = form.get('file');
  const fields = Object.fromEntries(
    [...form].flatMap(([name, value]) => (typeof value === 'string' ? [[name, value]] : [])),
  );
  checkModel(fields.model, MODELS.transcription);
  check(fields.response_format === 'json', 'response_format: json only');
  if (file === null || typeof file === 'string') throw new Problem(400, 'file: no file');
  check(/\.wav$/.test(file.name), `file: ${file.name}`);
  return { fields, wav: Buffer.from(await file.arrayBuffer()) };
}

/** Reads the body of `POST /audio/speech`. @throws {Problem} */
export function readSpeech(raw: Buffer): Record<string, unknown> & { readonly input: string } {
  const body = JSON.parse(raw.toString()) as Record<string, unknown>;
  const { input } = body;
  checkModel(body.model, MODELS.speech);
  if (typeof input !== 'string') throw new Problem(400, 'input: no text');
  check(input.length > 0 && input.length <= 4_096, `input: ${input.length} characters`);
  check(typeof body.voice === 'string', 'voice: none');
  check(body.response_format === 'pcm', 'response_format: pcm only');
  return { ...body, input };
}
