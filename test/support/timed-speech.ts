import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text as read } from 'node:stream/consumers';
import { pcmFromBytes } from '../../src/media/pcm.js';
import { TOOLS } from './tools.js';

/** Text that is to be spoken. */
export interface ToSpeak {
  readonly text: string;
  /** Language of a voice of espeak-ng's. */
  readonly voice: string;
  readonly wordsPerMinute: number;
}

/** Speech whose words' times are known. */
export interface TimedSpeech extends ToSpeak {
  readonly pcm: Int16Array;
  readonly rateHz: number;
  /** Words between spaces: where each ends in the text, and when it begins, in milliseconds. */
  readonly words: readonly { readonly end: number; readonly fromMs: number }[];
}

interface Spoken {
  readonly rateHz: number;
  readonly pcm: string;
  readonly words: readonly (readonly [position: number, atMs: number])[];
}

/** Speaks texts with espeak-ng, which tells when it begins each word. Needs Python. */
export async function timedSpeech(asked: readonly ToSpeak[]): Promise<TimedSpeech[]> {
  const child = spawn(TOOLS.Pipecat.find()!, ['test/support/peers/espeak_words.py'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  child.stdin.end(JSON.stringify(asked));
  const spoken = JSON.parse(await read(child.stdout)) as Spoken[];
  await exited;
  return spoken.map(({ rateHz, pcm, words }, index) => {
    const { text } = asked[index]!;
    let from = 0;
    const timed = Array.from(text.matchAll(/\S+/gu), ({ 0: word, index: at }) => {
      const end = at + word.length;
      const told = words.find(([position]) => position >= from && position < end);
      from = end;
      return { end, fromMs: told?.[1] };
    });
    // A word that is spoken as one with the next begins with it.
    let nextMs = Infinity;
    const known = timed.reverse().map(({ end, fromMs = nextMs }) => ({
      end,
      fromMs: (nextMs = Math.min(fromMs, nextMs)),
    }));
    const bytes = Buffer.from(pcm, 'base64');
    return { ...asked[index]!, rateHz, pcm: pcmFromBytes(bytes), words: known.reverse() };
  });
}
