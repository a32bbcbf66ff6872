import type { WebSocket } from 'ws';
import { bytesFromPcm, pcmFromBytes } from '../../src/bot.js';
import type { FakeGemini } from './fake-gemini.js';

const INPUT_HZ = 16_000;
export const OUTPUT_HZ = 24_000;
/** Louder than this is speech. */
const SPEECH_RMS = 500;
const SILENCE_MS = 400;
const PIECE_MS = 100;

/** A turn of the user: what they said, or typed. */
export type Turn = { readonly speech: Int16Array } | { readonly text: string };

/** Conversation that a handle stands for: all that was said until then. */
export interface Conversation {
  readonly speech: readonly number[];
  readonly isSpeaking: boolean;
}

/** One connection to the model. */
export class FakeLive {
  /** All audio that came over this connection. */
  readonly heard: number[] = [];
  private readonly calls = new Set<string>();
  private readonly speech: number[];
  private isSpeaking: boolean;
  private quietMs = 0;
  /** Set until the model takes its answer for played. */
  private playing: NodeJS.Timeout | undefined;

  constructor(
    private readonly fake: FakeGemini,
    private readonly socket: WebSocket,
    readonly setup: Setup,
    past: Conversation = { speech: [], isSpeaking: false },
  ) {
    this.speech = [...past.speech];
    this.isSpeaking = past.isSpeaking;
    socket.on('message', (data: Buffer) => this.receive(data));
    socket.on('close', () => clearTimeout(this.playing));
    this.send({ setupComplete: {} });
    this.remember();
  }

  /** Sends a message as the real one does: JSON in a binary frame. */
  send(message: object): void {
    this.socket.send(Buffer.from(JSON.stringify(message)));
  }

  close(code: number, reason: string): void {
    this.socket.close(code, reason);
  }

  /** Breaks the connection without a word. */
  break(): void {
    this.socket.terminate();
  }

  /** Reads nothing any more, until {@link resume}. */
  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  goAway(timeLeft: string): void {
    this.send({ goAway: { timeLeft } });
  }

  /** Tells a handle of all that was said until now, where the set-up asked for handles. */
  remember(): void {
    if (!this.setup.sessionResumption) return;
    const handle = `handle-${this.fake.handles.size + 1}`;
    const { speech, isSpeaking } = this;
    this.fake.handles.set(handle, { speech: [...speech], isSpeaking });
    this.send({ sessionResumptionUpdate: { newHandle: handle, resumable: true } });
  }

  /** Answers. @param audio at 24 kHz; sent at once, and then what belongs to its end @param part of the whole, to leave it unfinished */
  say(audio = this.fake.answer, text = this.fake.answerText, part = 1): void {
    if (this.setup.sessionResumption) this.send({ sessionResumptionUpdate: {} });
    const samples = (OUTPUT_HZ * PIECE_MS) / 1_000;
    const words = this.setup.outputAudioTranscription ? text.split(/(?<= )/) : [];
    const end = audio.length * part;
    for (let at = 0; at < end; at += samples) {
      const data = bytesFromPcm(audio.slice(at, at + samples)).toString('base64');
      const inlineData = { mimeType: `audio/pcm;rate=${OUTPUT_HZ}`, data };
      this.send({ serverContent: { modelTurn: { role: 'model', parts: [{ inlineData }] } } });
      const word = words.shift();
      if (word) this.send({ serverContent: { outputTranscription: { text: word } } });
    }
    if (words.length > 0 && part === 1) {
      this.send({ serverContent: { outputTranscription: { text: words.join('') } } });
    }
    if (part < 1) return;
    this.send({ serverContent: { generationComplete: true } });
    clearTimeout(this.playing);
    this.playing = setTimeout(() => this.complete(), (audio.length * 1_000) / OUTPUT_HZ);
  }

  /** Calls a function. */
  call(id: string, name: string, args: object): void {
    this.calls.add(id);
    if (this.setup.sessionResumption) this.send({ sessionResumptionUpdate: {} });
    this.send({ toolCall: { functionCalls: [{ id, name, args }] } });
  }

  cancel(...ids: string[]): void {
    for (const id of ids) this.calls.delete(id);
    this.send({ toolCallCancellation: { ids } });
  }

  private complete(): void {
    this.playing = undefined;
    this.send({ serverContent: { turnComplete: true } });
    this.remember();
  }

  private receive(data: Buffer): void {
    const message = JSON.parse(data.toString()) as ClientMessage;
    const problem = this.take(message);
    if (problem === undefined) return;
    this.fake.refuse(problem);
    this.socket.close(1007, problem);
  }

  /** @returns what is wrong with the message */
  private take(message: ClientMessage): string | undefined {
    const [kind, ...more] = Object.keys(message);
    if (more.length > 0) return `one message, one kind: ${Object.keys(message).join()}`;
    const { realtimeInput, clientContent, toolResponse } = message;
    if (realtimeInput?.audio) return this.hear(realtimeInput.audio);
    const text = realtimeInput?.text ?? clientContent?.turns?.[0]?.parts?.[0]?.text;
    if (text !== undefined) {
      this.interrupt();
      this.turn({ text });
      return undefined;
    }
    if (!toolResponse) return `unknown message ${kind}`;
    for (const response of toolResponse.functionResponses ?? []) {
      if (!this.calls.delete(response.id ?? '')) return `no function call ${response.id}`;
      if (typeof response.response !== 'object') return 'a function response must be an object';
      this.fake.emit('toolResponse', response);
      if (this.calls.size === 0) this.say();
    }
    return undefined;
  }

  private hear({ data = '', mimeType }: { data?: string; mimeType?: string }): string | undefined {
    const bytes = Buffer.from(data, 'base64');
    if (mimeType !== `audio/pcm;rate=${INPUT_HZ}`) return `audio of the type ${mimeType}`;
    if (bytes.length === 0 || bytes.length % 2) return 'audio that is none';
    const pcm = pcmFromBytes(bytes);
    this.heard.push(...pcm);
    const loud = pcm.reduce((sum, x) => sum + x * x, 0) > pcm.length * SPEECH_RMS ** 2;
    this.quietMs = loud ? 0 : this.quietMs + (pcm.length * 1_000) / INPUT_HZ;
    if (loud && !this.isSpeaking) {
      this.isSpeaking = true;
      this.interrupt();
    }
    if (!this.isSpeaking) return undefined;
    this.speech.push(...pcm);
    if (this.quietMs < SILENCE_MS) return undefined;
    this.isSpeaking = false;
    this.turn({ speech: Int16Array.from(this.speech.splice(0)) });
    return undefined;
  }

  private interrupt(): void {
    if (!this.playing) return;
    clearTimeout(this.playing);
    this.fake.emit('interrupted');
    this.send({ serverContent: { interrupted: true } });
    this.complete();
  }

  private turn(turn: Turn): void {
    if ('speech' in turn && this.setup.inputAudioTranscription) {
      for (const text of ['Who is ', 'there?']) {
        this.send({ serverContent: { inputTranscription: { text } } });
      }
    }
    this.fake.emit('turn', turn, this);
    this.fake.onTurn(this, turn);
  }
}

export interface Setup {
  readonly model: string;
  readonly generationConfig?: { readonly responseModalities?: readonly string[] };
  readonly sessionResumption?: { readonly handle?: string };
  readonly inputAudioTranscription?: object;
  readonly outputAudioTranscription?: object;
  readonly tools?: readonly object[];
  readonly systemInstruction?: object;
}

export interface FunctionResponse {
  readonly id?: string;
  readonly name?: string;
  readonly response?: { readonly output?: unknown; readonly error?: unknown };
}

export interface ClientMessage {
  readonly setup?: Setup;
  readonly realtimeInput?: {
    readonly audio?: { readonly data?: string; readonly mimeType?: string };
    readonly text?: string;
  };
  readonly clientContent?: {
    readonly turns?: readonly { readonly parts?: readonly { readonly text?: string }[] }[];
  };
  readonly toolResponse?: { readonly functionResponses?: readonly FunctionResponse[] };
}
