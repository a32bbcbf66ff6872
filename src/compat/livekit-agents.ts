/** A task of `@livekit/agents`. */
interface EngineTask {
  cancelAndWait(timeoutMs?: number): Promise<unknown>;
}

/** The part of `@livekit/agents` that makes tasks. */
export interface EngineTasks {
  readonly Task: { readonly prototype: EngineTask };
}

const patched = new WeakSet<EngineTask>();

/**
 * Has tasks of the engine clear the timer of their cancellation. As of 1.9 it is left running for five seconds after each, however soon the task has ended,
 * and keeps the process alive.
 */
export function clearTimersOfTasks({ Task: { prototype } }: EngineTasks): void {
  if (patched.has(prototype)) return;
  patched.add(prototype);
  const cancelAndWait = Reflect.get(prototype, 'cancelAndWait');
  prototype.cancelAndWait = async function (this: EngineTask, timeoutMs) {
    const ended = cancelAndWait.call(this);
    if (!timeoutMs) return ended;
    let timer: NodeJS.Timeout | undefined;
    const tooLate = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error('Task cancellation timed out')), timeoutMs);
    });
    return Promise.race([ended, tooLate]).finally(() => clearTimeout(timer));
  };
}
