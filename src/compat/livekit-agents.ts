import type { EventEmitter } from 'node:events';

/** A task of `@livekit/agents`. */
interface EngineTask {
  cancelAndWait(timeoutMs?: number): Promise<unknown>;
}

/** A connection to a model that hears and speaks. */
interface EngineRealtimeSession {
  close(): Promise<void>;
  clearAudio(): Promise<void>;
}

/** Classes of `@livekit/agents` that are mended here. */
export interface EngineClasses {
  readonly Task: { readonly prototype: EngineTask };
  readonly VAD: { readonly prototype: EventEmitter };
  readonly stt: { readonly STT: { readonly prototype: EventEmitter } };
  readonly llm: {
    readonly LLM: { readonly prototype: EventEmitter };
    readonly RealtimeSession: { readonly prototype: EngineRealtimeSession };
  };
  readonly tts: {
    readonly TTS: { readonly prototype: EventEmitter };
    /** Its `mainTask()` is private. */
    readonly ChunkedStream: { readonly prototype: object };
  };
}

const mended = new WeakSet<object>();

/**
 * Lets many calls share the process with the engine, as of 1.9, whose own worker gives each a process. What a service fails with is an event of its session in
 * any case.
 *
 * - The error of a speech-to-text, language model or text-to-speech that nobody listens to, such as after the call, would end the process.
 * - So would the rejection of a text-to-speech request.
 * - Each session listens to its voice activity detection and services, which many share: Node warns of a leak.
 * - The connection to a realtime model of OpenAI's stays open after the call, and keeps the process alive, until the model is sent something.
 * - Each cancelled task leaves a timer of five seconds, however soon it has ended, which keeps the process alive.
 */
export function shareProcess({ Task, VAD, stt, llm, tts }: EngineClasses): void {
  if (mended.has(Task)) return;
  mended.add(Task);
  const services = [stt.STT, llm.LLM, tts.TTS];
  for (const { prototype } of services) ignoreUnheardErrors(prototype);
  for (const { prototype } of [VAD, ...services]) allowManyListeners(prototype);
  ignoreRejection(tts.ChunkedStream.prototype);
  wakeToClose(llm.RealtimeSession.prototype);
  clearTimers(Task.prototype);
}

function ignoreUnheardErrors(prototype: EventEmitter): void {
  const emit = Reflect.get(prototype, 'emit');
  prototype.emit = function (this: EventEmitter, event: string | symbol, ...args: unknown[]) {
    if (event === 'error' && this.listenerCount(event) === 0) return false;
    return emit.call(this, event, ...args);
  };
}

function allowManyListeners(prototype: EventEmitter): void {
  const on = Reflect.get(prototype, 'on');
  prototype.on = function (this: EventEmitter, event, listener) {
    this.setMaxListeners(0);
    return on.call(this, event, listener);
  };
}

function ignoreRejection(prototype: object): void {
  const mainTask: unknown = Reflect.get(prototype, 'mainTask');
  if (typeof mainTask !== 'function') return;
  Reflect.set(prototype, 'mainTask', async function (this: object) {
    await Promise.resolve(Reflect.apply(mainTask, this, [])).catch(() => undefined);
  });
}

function wakeToClose(prototype: EngineRealtimeSession): void {
  const close = Reflect.get(prototype, 'close');
  prototype.close = async function () {
    await close.call(this);
    // The subclass, which calls this first, has dropped its events by then. One that has no audio to clear has nothing to wake.
    setImmediate(
      () =>
        void Promise.resolve()
          .then(() => this.clearAudio())
          .catch(() => undefined),
    );
  };
}

function clearTimers(prototype: EngineTask): void {
  const cancelAndWait = Reflect.get(prototype, 'cancelAndWait');
  prototype.cancelAndWait = async function (timeoutMs) {
    const ended = cancelAndWait.call(this);
    if (!timeoutMs) return ended;
    let timer: NodeJS.Timeout | undefined;
    const tooLate = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error('Task cancellation timed out')), timeoutMs);
    });
    return Promise.race([ended, tooLate]).finally(() => clearTimeout(timer));
  };
}
