import { tool } from '@openai/agents-realtime';
import { z } from 'zod';

/** A tool that takes until `finish()` is called with its result. */
export function slowTool() {
  let finish = (_result: string): void => undefined;
  const slow = tool({
    name: 'slow',
    description: 'Takes its time.',
    parameters: z.object({}),
    execute: () => new Promise<string>((resolve) => (finish = resolve)),
  });
  return { slow, finish: (result: string) => finish(result) };
}
