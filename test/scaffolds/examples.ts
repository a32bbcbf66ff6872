import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Bot } from './projects.js';
import type { Way } from './visitors.js';

/** Public example bots whose services have a stand-in, at least one of each kind. */
const EXAMPLES = [
  'getting-started/06-voice-agent.py',
  'getting-started/07-function-calling.py',
  'audio/audio-recording.py',
  'context-summarization/context-summarization-openai.py',
  'features/features-before-and-after-events.py',
  'function-calling/function-calling-openai-responses.py',
  'multi-worker/local-handoff/local-handoff-two-agents.py',
  'multi-worker/ui-worker/hello-snapshot/bot.py',
  'observability/observability-observer.py',
  'persistent-context/persistent-context-openai.py',
  'realtime/realtime-openai.py',
  'thinking/thinking-openai-responses.py',
  'turn-management/turn-management-user-assistant-turns.py',
  'update-settings/llm/llm-openai.py',
  'voice/voice-openai-responses.py',
];
const WAYS: readonly Way[] = ['webrtc', 'websocket', 'twilio', 'livekit', 'daily'];

/** Reads the example bots from a clone of pipecat-ai/pipecat, unedited. Without one there are none. */
export function readExamples(clone: string | undefined): { bots: Bot[]; remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), 'examples-'));
  const git = (...args: string[]): string =>
    execFileSync('git', ['-C', clone!, ...args], { encoding: 'utf8' });
  const bots = (clone ? EXAMPLES : []).map((path): Bot => {
    const source = git('show', `HEAD:examples/${path}`);
    const file = join(folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, source);
    // The entries of its table of parameters for `create_transport`.
    const declared = new Set(Array.from(source.matchAll(/"(\w+)": lambda/g), ([, name]) => name));
    return { name: path, file, ways: WAYS.filter((way) => declared.has(way)) };
  });
  return { bots, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
