import { isObject, type Json, RATE_HZ, Refusal } from './session.js';

/** An item of the conversation. */
export interface Item {
  readonly id: string;
  readonly type: 'message' | 'function_call' | 'function_call_output';
  status: 'in_progress' | 'completed' | 'incomplete';
  readonly role?: 'user' | 'assistant' | 'system';
  readonly content?: Part[];
  readonly call_id?: string;
  readonly name?: string;
  arguments?: string;
  readonly output?: string;
}

interface Part {
  readonly type: string;
  text?: string;
  transcript?: string | null;
}

const TEXT_OF: Readonly<Record<string, readonly string[]>> = {
  user: ['input_text', 'input_image'],
  system: ['input_text'],
  assistant: ['output_text'],
};

/** Items of a conversation, in order, and how much audio the model's have. */
export class Items {
  readonly all: Item[] = [];
  private readonly audioMs = new Map<string, number>();

  get last(): string | null {
    return this.all.at(-1)?.id ?? null;
  }

  /** Transcript, as one would read it: `user: …`, `assistant: …`, `call: …`, `output: …`. */
  get transcript(): string[] {
    return this.all.map((item) => {
      if (item.type === 'function_call') return `call: ${item.name}(${item.arguments})`;
      if (item.type === 'function_call_output') return `output: ${item.output}`;
      const text = item.content?.map(({ text, transcript }) => text ?? transcript ?? '').join('');
      return `${item.role}: ${text}`;
    });
  }

  find(id: unknown): Item {
    const item = this.all.find((one) => one.id === id);
    if (item) return item;
    throw new Refusal(`Item with item_id '${String(id)}' not found.`, 'item_not_found');
  }

  add(item: Item): void {
    this.all.push(item);
  }

  /** Creates an item that the client sends. @throws {Refusal} */
  create(given: unknown, previousId: unknown): Item {
    const item = readItem(given);
    if (this.all.some(({ id }) => id === item.id)) {
      throw new Refusal(`Item with id '${item.id}' already exists.`, 'item_already_exists');
    }
    const { type, call_id } = item;
    if (
      type === 'function_call_output' &&
      !this.all.some((one) => one.type === 'function_call' && one.call_id === call_id)
    ) {
      throw new Refusal(`Tool call ID '${call_id}' not found in conversation.`);
    }
    if (previousId === undefined || previousId === null) this.all.push(item);
    else if (previousId === 'root') this.all.unshift(item);
    else this.all.splice(this.all.indexOf(this.find(previousId)) + 1, 0, item);
    return item;
  }

  delete(id: unknown): void {
    this.all.splice(this.all.indexOf(this.find(id)), 1);
  }

  heard(id: string, samples: number): void {
    this.audioMs.set(id, (this.audioMs.get(id) ?? 0) + (samples * 1_000) / RATE_HZ);
  }

  /** Forgets the audio and the text that were not heard. @throws {Refusal} */
  truncate({ item_id, content_index, audio_end_ms }: Json): void {
    const item = this.find(item_id);
    const audioMs = this.audioMs.get(item.id);
    if (audioMs === undefined) {
      throw new Refusal('Only model output audio messages can be truncated.');
    }
    if (content_index !== 0) throw new Refusal("Invalid 'content_index'.");
    if (!Number.isInteger(audio_end_ms) || Number(audio_end_ms) < 0) {
      throw new Refusal("Invalid type for 'audio_end_ms': expected an integer.");
    }
    if (Number(audio_end_ms) > audioMs) {
      throw new Refusal(
        `Audio content of ${audioMs}ms is already shorter than ${Number(audio_end_ms)}ms.`,
      );
    }
    this.audioMs.set(item.id, Number(audio_end_ms));
    for (const part of item.content ?? []) delete part.transcript;
  }
}

let made = 0;
export const newId = (kind: string): string => `${kind}_${String(++made).padStart(16, '0')}`;

/** @throws {Refusal} */
function readItem(given: unknown): Item {
  if (!isObject(given)) throw new Refusal("Missing required parameter: 'item'.");
  const { id = newId('item'), type, role, content, call_id, name, output } = given;
  const needs = (name: string, value: unknown): string => {
    if (typeof value === 'string') return value;
    throw new Refusal(`Missing required parameter: 'item.${name}'.`);
  };
  if (typeof id !== 'string' || id.length > 32) throw new Refusal("Invalid 'item.id': too long.");
  if (type === 'function_call_output') {
    const base = { call_id: needs('call_id', call_id), output: needs('output', output) };
    return { id, type, status: 'completed', ...base };
  }
  if (type === 'function_call') {
    const base = { call_id: needs('call_id', call_id), name: needs('name', name) };
    const args = needs('arguments', given.arguments);
    return { id, type, status: 'completed', ...base, arguments: args };
  }
  if (type !== 'message') throw new Refusal("Invalid value for 'item.type'.");
  if (role !== 'user' && role !== 'assistant' && role !== 'system') {
    throw new Refusal("Invalid value for 'item.role'.");
  }
  const parts = Array.isArray(content) ? content : [];
  if (parts.length === 0) throw new Refusal("Missing required parameter: 'item.content'.");
  for (const part of parts) {
    if (isObject(part) && TEXT_OF[role]!.includes(String(part.type))) continue;
    throw new Refusal(`Invalid value for 'item.content': ${role} takes ${TEXT_OF[role]!.join()}.`);
  }
  return { id, type, role, status: 'completed', content: parts as Part[] };
}
