import { type Item, type Items, newId } from './items.js';
import { RATE_HZ } from './session.js';

const DELTA_MS = 100;

/** Something that the model puts out: words with their voice, or a call of a tool. */
export type Output =
  | { readonly text: string; readonly audio: Int16Array }
  | { readonly call: string; readonly args: object };

/** A response of the model, as the events that tell of it. */
export class Response {
  readonly id = newId('resp');
  private readonly output: Item[] = [];
  private isOver = false;
  private readonly steps: Generator<void, void>;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    outputs: readonly Output[],
    private readonly items: Items,
    private readonly send: (type: string, event: object) => void,
    private readonly onDone: () => void,
  ) {
    this.steps = this.run(outputs);
  }

  /** @param everyMs time between two pieces of audio; 0 for all at once */
  start(everyMs: number): void {
    this.send('response.created', { response: this.state('in_progress') });
    const step = (): void => {
      while (!this.steps.next().done) {
        if (everyMs === 0) continue;
        this.timer = setTimeout(step, everyMs);
        return;
      }
    };
    step();
  }

  cancel(): void {
    if (this.isOver) return;
    clearTimeout(this.timer);
    // Ends the item that is under way.
    this.steps.return();
    this.finish('cancelled');
  }

  /** Stops without a word, because the connection is gone. */
  drop(): void {
    clearTimeout(this.timer);
    this.isOver = true;
  }

  private finish(status: string): void {
    this.isOver = true;
    this.send('response.done', { response: this.state(status) });
    this.onDone();
  }

  private state(status: string): object {
    const base = { id: this.id, object: 'realtime.response', status, output: this.output };
    if (status === 'in_progress') return base;
    return { ...base, usage: { total_tokens: 20, input_tokens: 12, output_tokens: 8 } };
  }

  private *run(outputs: readonly Output[]): Generator<void, void> {
    for (const output of outputs) {
      if ('call' in output) this.call(output.call, JSON.stringify(output.args));
      else yield* this.say(output.text, output.audio);
    }
    this.finish('completed');
  }

  private begin(item: Item): { response_id: string; output_index: number; item_id: string } {
    const place = { response_id: this.id, output_index: this.output.length };
    this.send('response.output_item.added', { ...place, item });
    this.send('conversation.item.added', { previous_item_id: this.items.last, item });
    this.items.add(item);
    this.output.push(item);
    return { ...place, item_id: item.id };
  }

  private end(item: Item, { response_id, output_index }: ReturnType<Response['begin']>): void {
    this.send('conversation.item.done', { item });
    this.send('response.output_item.done', { response_id, output_index, item });
  }

  private *say(text: string, audio: Int16Array): Generator<void, void> {
    const part = { type: 'output_audio', transcript: '' };
    const item: Item = {
      id: newId('item'),
      type: 'message',
      role: 'assistant',
      status: 'in_progress',
      content: [],
    };
    const at = { ...this.begin(item), content_index: 0 };
    item.content!.push(part);
    this.send('response.content_part.added', { ...at, part: { type: 'audio', transcript: '' } });
    const samples = (RATE_HZ * DELTA_MS) / 1_000;
    const pieces = Math.ceil(audio.length / samples);
    const words = text.split(/(?<= )/);
    try {
      for (let i = 0; i < pieces; i++) {
        const delta = words
          .slice(
            Math.ceil((i * words.length) / pieces),
            Math.ceil(((i + 1) * words.length) / pieces),
          )
          .join('');
        if (delta) {
          part.transcript += delta;
          this.send('response.output_audio_transcript.delta', { ...at, delta });
        }
        const pcm = audio.slice(i * samples, (i + 1) * samples);
        this.items.heard(item.id, pcm.length);
        const base64 = Buffer.from(pcm.buffer).toString('base64');
        this.send('response.output_audio.delta', { ...at, delta: base64 });
        yield;
      }
      item.status = 'completed';
    } finally {
      if (item.status === 'in_progress') item.status = 'incomplete';
      const { transcript } = part;
      this.send('response.output_audio.done', at);
      this.send('response.output_audio_transcript.done', { ...at, transcript });
      const done = { type: 'audio', transcript };
      this.send('response.content_part.done', { ...at, part: done });
      this.end(item, at);
    }
  }

  private call(name: string, args: string): void {
    const call_id = newId('call');
    const item: Item = {
      id: newId('item'),
      type: 'function_call',
      status: 'in_progress',
      call_id,
      name,
      arguments: '',
    };
    const at = this.begin(item);
    this.send('response.function_call_arguments.delta', { ...at, call_id, delta: args });
    this.send('response.function_call_arguments.done', { ...at, call_id, arguments: args });
    item.arguments = args;
    item.status = 'completed';
    this.end(item, at);
  }
}
