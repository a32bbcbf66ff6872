import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { type WebSocket, WebSocketServer } from 'ws';
import { bytesFromPcm, pcmFromBytes } from '../../src/bot.js';
import { tone } from '../support/sound.js';
import { ANSWER_HZ, GREETING_HZ, rms } from './tones.js';

/** Louder than this is speech. */
const SPEECH_RMS = 400;
/** Silence that ends speech, in seconds. */
const PAUSE_SECS = 0.4;
const SPEECH_SECS = 0.8;
/** The transcript of whatever is said: an LLM that finds it in its input answers it. */
const TRANSCRIPT = 'Ask not what your country can do for you.';
const REALTIME_HZ = 24_000;

type Json = Record<string, unknown>;

const voice = (text: string, rateHz: number): string =>
  bytesFromPcm(
    tone(text.includes('Answer') ? ANSWER_HZ : GREETING_HZ, rateHz, SPEECH_SECS),
  ).toString('base64');

const replyTo = (input: string): string =>
  input.includes(TRANSCRIPT) ? 'Answer.' : 'Hello there.';

/**
 * Servers in the place of Deepgram (speech to text), OpenAI (chat completions, responses, realtime) and Cartesia (text to speech), with
 * as much of their protocols as Pipecat's services speak.
 */
export class StandIns {
  /** True once somebody's speech was heard. */
  hasHeard = false;
  private readonly server = createServer((request, response) => void this.chat(request, response));
  private readonly sockets = new WebSocketServer({ server: this.server });

  static async start(): Promise<StandIns> {
    const it = new StandIns();
    it.sockets.on('connection', (socket, request) => it.serve(socket, request));
    it.server.listen(0, '127.0.0.1');
    await once(it.server, 'listening');
    return it;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Bots that are connected. */
  get connections(): number {
    return this.sockets.clients.size;
  }

  async close(): Promise<void> {
    for (const client of this.sockets.clients) client.terminate();
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }

  private serve(socket: WebSocket, { url = '' }: IncomingMessage): void {
    const { pathname, searchParams } = new URL(url, this.url);
    const send = (message: Json): void => socket.send(JSON.stringify(message));
    if (pathname === '/v1/listen') this.transcribe(socket, Number(searchParams.get('sample_rate')));
    else if (pathname === '/tts/websocket') speak(socket, send);
    else if (pathname === '/v1/responses') respond(socket, send);
    else if (pathname === '/v1/realtime') this.converse(socket, send);
    else socket.close(1008, `no service at ${pathname}`);
  }

  /** Deepgram's live transcription. */
  private transcribe(socket: WebSocket, rateHz: number): void {
    const turns = this.turns(rateHz, () =>
      socket.send(
        JSON.stringify({
          type: 'Results',
          channel_index: [0, 1],
          start: 0,
          duration: 1,
          is_final: true,
          speech_final: true,
          channel: { alternatives: [{ transcript: TRANSCRIPT, confidence: 1, words: [] }] },
          metadata: { request_id: '1', model_info: { name: 'm', version: '1', arch: 'a' } },
        }),
      ),
    );
    socket.on('message', (data: Buffer, isBinary) => {
      if (isBinary) turns(pcmFromBytes(data));
      else if (data.includes('CloseStream')) socket.close();
    });
  }

  /** OpenAI's chat completions, as a stream of events. */
  private async chat(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const content = replyTo(await text(request));
    const chunk = (delta: Json, finish_reason: string | null): string =>
      `data: ${JSON.stringify({
        id: 'chat',
        object: 'chat.completion.chunk',
        created: 1,
        model: 'stand-in',
        choices: [{ index: 0, delta, finish_reason }],
      })}\n\n`;
    response.setHeader('content-type', 'text/event-stream');
    response.end(
      chunk({ role: 'assistant', content }, null) + chunk({}, 'stop') + 'data: [DONE]\n\n',
    );
  }

  /** OpenAI's realtime API. */
  private converse(socket: WebSocket, send: (message: Json) => void): void {
    let turn = 0;
    const event = (type: string, more: Json): void =>
      send({ event_id: `event_${turn}`, type, ...more });
    const answer = (text: string): void => {
      const id = `response_${++turn}`;
      const at = { response_id: id, item_id: `item_${turn}`, output_index: 0, content_index: 0 };
      event('response.created', { response: { id, status: 'in_progress', output: [] } });
      event('response.output_audio.delta', { ...at, delta: voice(text, REALTIME_HZ) });
      event('response.done', { response: { id, status: 'completed', output: [] } });
    };
    const turns = this.turns(
      REALTIME_HZ,
      () => {
        event('input_audio_buffer.speech_stopped', { audio_end_ms: 1, item_id: `user_${turn}` });
        answer('Answer.');
      },
      () =>
        event('input_audio_buffer.speech_started', { audio_start_ms: 1, item_id: `user_${turn}` }),
    );
    socket.on('message', (data: Buffer) => {
      const { type, audio } = JSON.parse(data.toString()) as { type: string; audio?: string };
      if (type === 'session.update') event('session.updated', { session: { type: 'realtime' } });
      else if (type === 'response.create') answer('Hello there.');
      else if (audio) turns(pcmFromBytes(Buffer.from(audio, 'base64')));
    });
    event('session.created', { session: { type: 'realtime' } });
  }

  /** Tells turns apart by loudness. @returns what takes the sound */
  private turns(rateHz: number, ended: () => void, began?: () => void): (pcm: Int16Array) => void {
    let spoken = 0;
    let quiet = 0;
    return (pcm) => {
      const seconds = pcm.length / rateHz;
      if (rms(pcm) > SPEECH_RMS) {
        if (spoken === 0) began?.();
        spoken += seconds;
        quiet = 0;
        this.hasHeard ||= spoken > 0.5;
      } else if (spoken > 0 && (quiet += seconds) > PAUSE_SECS) {
        if (spoken > 0.5) ended();
        spoken = 0;
      }
    };
  }
}

/** Cartesia's speech synthesis. */
function speak(socket: WebSocket, send: (message: Json) => void): void {
  socket.on('message', (data: Buffer) => {
    const message = JSON.parse(data.toString()) as {
      context_id: string;
      transcript?: string;
      continue?: boolean;
      output_format?: { sample_rate: number };
    };
    const { context_id, transcript, output_format } = message;
    if (transcript?.trim()) {
      send({ type: 'chunk', context_id, data: voice(transcript, output_format!.sample_rate) });
    }
    if (message.continue === false) send({ type: 'done', context_id });
  });
}

/** OpenAI's responses over a WebSocket. */
function respond(socket: WebSocket, send: (message: Json) => void): void {
  let count = 0;
  socket.on('message', (data: Buffer) => {
    const response = { id: `response_${++count}`, model: 'stand-in' };
    send({ type: 'response.created', response });
    send({ type: 'response.output_text.delta', delta: replyTo(data.toString()) });
    send({ type: 'response.completed', response: { ...response, output: [] } });
  });
}
