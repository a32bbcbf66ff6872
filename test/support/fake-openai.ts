import { EventEmitter, once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { setTimeout as wait } from 'node:timers/promises';
import { bytesFromPcm } from '../../src/bot.js';
import { Problem, readChat, readSpeech, readTranscription } from './fake-openai.requests.js';
import { readWav } from './sound.js';
import { KnownSentences, spoken } from './spoken.js';

/** Routes of OpenAI's API that are here, below `/v1`. */
export type OpenAiPath = '/chat/completions' | '/audio/transcriptions' | '/audio/speech';

/** A broken answer: a status, no answer at all, or one that breaks off in the middle. */
export type OpenAiFault = { readonly status: number } | 'hang' | 'cut';

/** Conditions of a {@link Reply}; each that is given must hold. */
export interface Condition {
  /** In the user's last message; it is the last message, unless `tool` is given. */
  readonly user?: string | RegExp;
  /** The tool whose result is the last message. */
  readonly tool?: string;
  /** In the instructions. */
  readonly system?: string | RegExp;
}

/** A text, which may be made of the result of the tool, or a call of a tool. */
export type Reply =
  | { readonly say: string | ((result: string) => string) }
  | { readonly call: string; readonly with?: object };

/** A request that was accepted. */
export interface OpenAiRequest {
  readonly path: OpenAiPath;
  readonly body: Readonly<Record<string, unknown>>;
  /** Of a transcription: what was heard, and the sentence that it was. */
  readonly audio?: { readonly pcm: Int16Array; readonly rateHz: number };
  text?: string;
  /** Of `performance.now()`: the request is there, the answer begins, and it is complete. */
  readonly atMs: number;
  begunAtMs?: number;
  doneAtMs?: number;
  /** True once whoever asked has left before the answer was complete. */
  left?: boolean;
}

/**
 * OpenAI's HTTP API, as far as speech-to-text, chat and text-to-speech go. It checks what it is sent, knows the sentences that a
 * test speaks by their sound, answers as the test says, and speaks with espeak-ng. `problems` names whatever it refused.
 */
export class FakeOpenAi extends EventEmitter<{ request: [OpenAiRequest]; done: [OpenAiRequest] }> {
  readonly apiKey = 'sk-test-of-the-suite';
  readonly requests: OpenAiRequest[] = [];
  readonly problems: string[] = [];
  readonly sentences = new KnownSentences();
  /** Pause between the words of an answer, in milliseconds. */
  wordMs = 5;
  private readonly replies: { readonly condition: Condition; readonly reply: Reply }[] = [];
  /** Faults to come. */
  readonly faults: { readonly path: OpenAiPath; readonly fault: OpenAiFault }[] = [];
  private calls = 0;
  private readonly server = createServer((request, response) => {
    void this.serve(request, response).catch((error: unknown) => this.refuse(error, response));
  });

  private constructor() {
    super();
  }

  static async start(): Promise<FakeOpenAi> {
    const fake = new FakeOpenAi();
    fake.server.listen(0, '127.0.0.1');
    await once(fake.server, 'listening');
    return fake;
  }

  /** For `baseURL`. */
  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/v1`;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }

  /** Adds a reply. The first whose condition is met is given; a request that meets none is a problem. */
  when(condition: Condition, reply: Reply): this {
    this.replies.push({ condition, reply });
    return this;
  }

  /** Answers the next requests of a path wrongly. */
  fail(path: OpenAiPath, fault: OpenAiFault, times = 1): void {
    for (let i = 0; i < times; i++) this.faults.push({ path, fault });
  }

  /** Requests of a path so far. */
  of(path: OpenAiPath): OpenAiRequest[] {
    return this.requests.filter((request) => request.path === path);
  }

  /** The next request of a path that is answered. */
  async done(path: OpenAiPath, signal?: AbortSignal): Promise<OpenAiRequest> {
    for (;;) {
      const [request] = (await once(this, 'done', { signal })) as [OpenAiRequest];
      if (request.path === path) return request;
    }
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await buffer(request);
    const path = (request.url ?? '').replace(/^\/v1/, '');
    if (request.headers.authorization !== `Bearer ${this.apiKey}`) {
      throw new Problem(401, 'Incorrect API key provided.', 'invalid_api_key');
    }
    const route = `${request.method} ${path}`;
    if (route === 'GET /models') {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ object: 'list', data: [] }));
    } else if (route === 'POST /chat/completions') await this.chat(body, response);
    else if (route === 'POST /audio/transcriptions') {
      await this.transcribe(body, request.headers['content-type'] ?? '', response);
    } else if (route === 'POST /audio/speech') await this.speak(body, response);
    else throw new Problem(404, `Unknown request URL: ${route}`);
  }

  private refuse(error: unknown, response: ServerResponse): void {
    const { status, message, code } =
      error instanceof Problem ? error : new Problem(500, String(error));
    this.problems.push(message);
    if (response.headersSent) {
      response.destroy();
      return;
    }
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ error: { message, type: 'invalid_request_error', code } }));
  }

  /** Notes a request, and breaks its answer if the test wants that. @returns nothing when it is broken from the start */
  private begin(
    fields: Pick<OpenAiRequest, 'path' | 'body' | 'audio'>,
    response: ServerResponse,
  ): { request: OpenAiRequest; cut: boolean } | undefined {
    const request: OpenAiRequest = { ...fields, atMs: performance.now() };
    this.requests.push(request);
    response.once('close', () => {
      if (response.writableFinished) {
        request.doneAtMs = performance.now();
        this.emit('done', request);
      } else request.left = true;
    });
    this.emit('request', request);
    const at = this.faults.findIndex(({ path }) => path === request.path);
    const fault = at < 0 ? undefined : this.faults.splice(at, 1)[0]!.fault;
    if (fault === 'hang') return undefined;
    if (typeof fault === 'object') {
      response.writeHead(fault.status, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ error: { message: 'The server had an error.', code: null } }));
      return undefined;
    }
    return { request, cut: fault === 'cut' };
  }

  private async transcribe(body: Buffer, type: string, response: ServerResponse): Promise<void> {
    const { fields, wav } = await readTranscription(body, type);
    const begun = this.begin(
      { path: '/audio/transcriptions', body: fields, audio: readWav(wav) },
      response,
    );
    if (!begun) return;
    const { request, cut } = begun;
    const { pcm, rateHz } = request.audio!;
    request.text = this.sentences.recognize(pcm, rateHz);
    const answer = JSON.stringify({ text: request.text });
    request.begunAtMs = performance.now();
    response.writeHead(200, {
      'content-type': 'application/json',
      'content-length': answer.length,
    });
    if (cut) await cutOff(response, answer.slice(0, 4));
    else response.end(answer);
  }

  private async chat(raw: Buffer, response: ServerResponse): Promise<void> {
    const chat = readChat(raw);
    const begun = this.begin({ path: '/chat/completions', body: chat.body }, response);
    if (!begun) return;
    const { request, cut } = begun;
    const found = this.replies.find(({ condition }) => meets(condition, chat));
    if (!found) throw new Problem(400, `No reply for ${JSON.stringify(chat.messages)}`);
    const { reply } = found;
    const id = `chatcmpl-${++this.calls}`;
    const event = (fields: object) =>
      response.write(
        `data: ${JSON.stringify({ id, object: 'chat.completion.chunk', created: 0, model: chat.body.model, ...fields })}\n\n`,
      );
    const choice = (delta: object, finish: string | null = null) =>
      event({ choices: [{ index: 0, delta, finish_reason: finish }] });
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    request.begunAtMs = performance.now();
    choice({ role: 'assistant', content: '' });
    if ('call' in reply) {
      if (!chat.tools.includes(reply.call)) throw new Problem(400, `No tool ${reply.call}`);
      const call = { name: reply.call, arguments: JSON.stringify(reply.with ?? {}) };
      choice({
        tool_calls: [{ index: 0, id: `call_${this.calls}`, type: 'function', function: call }],
      });
      if (cut) return cutOff(response, 'data: {');
      choice({}, 'tool_calls');
    } else {
      const text = typeof reply.say === 'string' ? reply.say : reply.say(chat.result ?? '');
      request.text = text;
      const words = text.split(/(?<= )/);
      for (const [i, content] of words.entries()) {
        if (cut && i === words.length >> 1) return cutOff(response, 'data: {');
        choice({ content });
        await wait(this.wordMs);
        if (response.destroyed) return;
      }
      choice({}, 'stop');
    }
    event({ choices: [], usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 } });
    response.end('data: [DONE]\n\n');
  }

  private async speak(raw: Buffer, response: ServerResponse): Promise<void> {
    const body = readSpeech(raw);
    const begun = this.begin({ path: '/audio/speech', body }, response);
    if (!begun) return;
    const { request, cut } = begun;
    request.text = body.input;
    const audio = bytesFromPcm(await spoken(body.input, 24_000));
    request.begunAtMs = performance.now();
    response.writeHead(200, { 'content-type': 'audio/pcm', 'content-length': audio.length });
    if (cut) await cutOff(response, audio.subarray(0, (audio.length >> 2) * 2));
    else response.end(audio);
  }
}

async function cutOff(response: ServerResponse, last: string | Buffer): Promise<void> {
  await new Promise((resolve) => response.write(last, resolve));
  response.destroy();
}

function meets(condition: Condition, chat: ReturnType<typeof readChat>): boolean {
  const { user, tool, system } = condition;
  const has = (text: string, wanted: string | RegExp) =>
    typeof wanted === 'string' ? text.includes(wanted) : wanted.test(text);
  if (tool !== chat.tool) return false;
  if (user !== undefined && !has(chat.user, user)) return false;
  return system === undefined || has(chat.system, system);
}
