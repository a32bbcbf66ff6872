import { pcmFromBytes } from '../../../src/bot.js';
import { type Item, Items, newId } from './items.js';
import { type Output, Response } from './response.js';
import {
  DEFAULT_SESSION,
  isObject,
  type Json,
  Refusal,
  type SessionConfig,
  updated,
} from './session.js';
import { SpeechDetector } from './speech-detector.js';

const MAX_APPEND_BYTES = 15 * 1024 * 1024;
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

/** Behaviour of the model. */
export interface Model {
  /** @returns what it puts out now */
  respond(conversation: Conversation): readonly Output[];
  /** @returns what was said */
  transcribe(speech: Int16Array): string;
  /** Time between two pieces of audio, in milliseconds; 0 for all at once. */
  readonly deltaEveryMs: number;
}

/** Events of a conversation that a test wants to hear. */
export interface Listeners {
  truncated(audioEndMs: number, itemId: string): void;
  speech(speech: Int16Array): void;
  problem(message: string): void;
}

/** A session of the Realtime API, which has one conversation. */
export class Conversation {
  session: SessionConfig & Json = { ...DEFAULT_SESSION, id: newId('sess') };
  readonly items = new Items();
  /** All events of the client. */
  readonly received: Json[] = [];
  private response: Response | undefined;
  private readonly detector = new SpeechDetector({
    started: (atMs) => this.speechStarted(atMs),
    stopped: (atMs, speech) => this.speechStopped(atMs, speech),
  });
  private speechItemId = newId('item');
  private unheard = 0;

  constructor(
    private readonly write: (event: object) => void,
    private readonly model: Model,
    private readonly listeners: Listeners,
  ) {
    this.send('session.created', { session: this.session });
  }

  send(type: string, event: object): void {
    this.write({ type, event_id: newId('event'), ...event });
  }

  /** Takes an event of the client, or sends an `error`. */
  take(event: Json): void {
    // Audio comes by the thousand.
    if (event.type !== 'input_audio_buffer.append') this.received.push(event);
    try {
      this.handle(event);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      this.fail(error, event.event_id);
      this.listeners.problem(`${String(event.type)}: ${error.message}`);
    }
  }

  fail({ code, message }: Refusal, event_id?: unknown): void {
    const error = { type: 'invalid_request_error', code, message, param: null, event_id };
    this.send('error', { error });
  }

  over(): void {
    this.response?.drop();
  }

  private handle(event: Json): void {
    switch (event.type) {
      case 'session.update':
        this.session = updated(this.session, event.session);
        return this.send('session.updated', { session: this.session });
      case 'input_audio_buffer.append':
        return this.append(event.audio);
      case 'input_audio_buffer.clear':
        this.unheard = 0;
        return this.send('input_audio_buffer.cleared', {});
      case 'input_audio_buffer.commit':
        if (this.unheard === 0)
          throw new Refusal('The buffer is empty.', 'input_audio_buffer_commit_empty');
        return this.commit(new Int16Array());
      case 'conversation.item.create':
        return this.added(this.items.create(event.item, event.previous_item_id));
      case 'conversation.item.retrieve':
        return this.send('conversation.item.retrieved', { item: this.items.find(event.item_id) });
      case 'conversation.item.delete':
        this.items.delete(event.item_id);
        return this.send('conversation.item.deleted', { item_id: event.item_id });
      case 'conversation.item.truncate': {
        this.items.truncate(event);
        const { item_id, content_index, audio_end_ms } = event;
        this.send('conversation.item.truncated', { item_id, content_index, audio_end_ms });
        return this.listeners.truncated(Number(audio_end_ms), String(item_id));
      }
      case 'response.create':
        if (this.response) {
          const code = 'conversation_already_has_active_response';
          throw new Refusal('Conversation already has an active response in progress.', code);
        }
        return this.respond();
      case 'response.cancel':
        if (!this.response) {
          throw new Refusal(
            'Cancellation failed: no active response.',
            'response_cancel_not_active',
          );
        }
        return this.response.cancel();
      default:
        throw new Refusal(`Invalid value: '${String(event.type)}'.`);
    }
  }

  private append(audio: unknown): void {
    if (typeof audio !== 'string' || !BASE64.test(audio)) {
      throw new Refusal("Invalid 'audio': expected base64-encoded audio bytes.");
    }
    const bytes = Buffer.from(audio, 'base64');
    if (bytes.length % 2 || bytes.length > MAX_APPEND_BYTES) throw new Refusal("Invalid 'audio'.");
    const pcm = pcmFromBytes(bytes);
    this.unheard += pcm.length;
    if (this.session.audio.input.turn_detection) this.detector.hear(pcm);
  }

  private speechStarted(audio_start_ms: number): void {
    this.speechItemId = newId('item');
    const item_id = this.speechItemId;
    this.send('input_audio_buffer.speech_started', { audio_start_ms, item_id });
    const { interrupt_response = true } = this.session.audio.input.turn_detection ?? {};
    if (interrupt_response) this.response?.cancel();
  }

  private speechStopped(audio_end_ms: number, speech: Int16Array): void {
    const item_id = this.speechItemId;
    this.send('input_audio_buffer.speech_stopped', { audio_end_ms, item_id });
    this.commit(speech);
    this.listeners.speech(speech);
    const { create_response = true } = this.session.audio.input.turn_detection ?? {};
    if (create_response && !this.response) this.respond();
  }

  private commit(speech: Int16Array): void {
    this.unheard = 0;
    const item_id = this.speechItemId;
    this.send('input_audio_buffer.committed', { previous_item_id: this.items.last, item_id });
    const part = { type: 'input_audio', transcript: null as string | null };
    const base = { id: item_id, type: 'message', role: 'user', status: 'completed' } as const;
    const item: Item = { ...base, content: [part] };
    this.added(item, this.items.last);
    this.items.add(item);
    if (!isObject(this.session.audio.input.transcription)) return;
    const transcript = (part.transcript = this.model.transcribe(speech));
    this.send('conversation.item.input_audio_transcription.completed', {
      item_id,
      content_index: 0,
      transcript,
      usage: { type: 'duration', seconds: 1 },
    });
  }

  private added(item: Item, previous?: string | null): void {
    const { all } = this.items;
    const previous_item_id = previous ?? all[all.indexOf(item) - 1]?.id ?? null;
    this.send('conversation.item.added', { previous_item_id, item });
    this.send('conversation.item.done', { previous_item_id, item });
  }

  private respond(): void {
    this.response = new Response(
      this.model.respond(this),
      this.items,
      (type, event) => this.send(type, event),
      () => (this.response = undefined),
    );
    this.response.start(this.model.deltaEveryMs);
  }
}
