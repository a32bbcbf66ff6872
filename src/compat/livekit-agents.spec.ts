import { beforeAll, describe, expect, it } from '@jest/globals';
import { initializeLogger, Task } from '@livekit/agents';
import { clearTimersOfTasks } from './livekit-agents.js';

/** A task that ends when it is cancelled, after so long. */
const task = (endsAfterMs = 0) =>
  Task.from(
    ({ signal }) =>
      new Promise<void>((resolve) =>
        signal.addEventListener('abort', () => setTimeout(resolve, endsAfterMs)),
      ),
  );
const timers = () => process.getActiveResourcesInfo().filter((type) => type === 'Timeout').length;

describe("the cancellation of an engine's task", () => {
  beforeAll(() => initializeLogger({ pretty: false, level: 'silent' }));

  it('leaves a timer as the engine does it, which is why it is patched, and none as patched', async () => {
    const before = timers();
    await task().cancelAndWait(1_000);
    expect(timers()).toBe(before + 1);
    clearTimersOfTasks({ Task });
    clearTimersOfTasks({ Task });
    const patched = timers();
    expect(await task().cancelAndWait(1_000)).toBe('completed');
    expect(await task().cancelAndWait()).toBe('completed');
    expect(timers()).toBe(patched);
  });

  it('still takes no longer than its time-out', async () => {
    await expect(task(500).cancelAndWait(10)).rejects.toThrow('Task cancellation timed out');
  });
});
